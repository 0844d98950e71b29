{# What a CSV cannot say. #}
select *
from (
    values
    (
        1, '', E'\r\n', '{}'::text[], null::integer[], '{}'::jsonb, '\x00ff0a5c'::bytea,
        'NaN'::double precision, 12345678901234567890.123456789::numeric, array[0.1, -0.5, 1e-7]::vector(3)
    ),
    (
        2, null, E'a\rb\r\nc\n', array['', null, 'NULL', 'null', '"', '\', '{}', 'ü,'], '{}'::integer[], null::jsonb, ''::bytea,
        '-Infinity'::double precision, null::numeric, null::vector(3)
    ),
    (
        3, E'\t', E'\x01\x1f\x7f', null::text[], array[1, null, -2147483648], 'null'::jsonb, null::bytea,
        '-0'::double precision, 0.00::numeric, array[0, 0, 0]::vector(3)
    ),
    (
        4, ' ', E'\u2028\u0085\u00a0', array[E'\r\n', E'\\N'], array[0],
        '{"z": "\"q\" \\ \u00e9 \ud83e\udd80", "a": [1.10, 1e400, true, null, {"": ""}]}'::jsonb, '\x'::bytea,
        0.1::double precision, 'NaN'::numeric, null::vector(3)
    )
) as oddities (
    id, maybe_empty, breaks, words, numbers, document, bytes, ratio, exact, embedding
)
