{{ config(alias='Sträng€ näme %s/{}') }}
select
    phrases.id as "Key",
    oddities.maybe_empty as "select",
    time '23:59:59.999999' as "clock",
    interval '1 year 2 mons -3 days 04:05:06.7' as "while",
    timestamptz '2024-02-29 23:30:00.123456+05:45' as "when",
    date '0044-03-15' as "long ago",
    'x'::char(5) as padded
from {{ ref('phrases') }} as phrases
inner join {{ ref('oddities') }} as oddities on phrases.id = oddities.id
