{{ config(alias='No key') }}
{# No primary key, and two equal rows. #}
select word from (values ('lower'::text), ('lower'), (null)) as words (word)
