select
    id,
    "Body text"
from {{ ref('raw_phrases') }}
