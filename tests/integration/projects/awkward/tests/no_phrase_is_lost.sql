-- Every seed row arrives in the model.
select phrases.id
from {{ ref('raw_phrases') }} as phrases
left join {{ ref('phrases') }} as kept on phrases.id = kept.id
where kept.id is null
