-- The user whose recommendations are asked for.
select id, username
from "USER"
where id = $1::uuid
