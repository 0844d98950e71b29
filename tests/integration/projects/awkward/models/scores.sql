{# Follows a parameter, as the OST project does. #}
select
    id,
    length("Body text") as points
from {{ ref('phrases') }}
where id <= {{ top_n() }}
