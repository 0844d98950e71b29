with

only_in_core as (

    select * from {{ ref('USER_PROJECT_SIMILARITY') }}
    except
    select * from {{ ref('test_similarities') }}

),

only_in_fixtures as (

    select * from {{ ref('test_similarities') }}
    except
    select * from {{ ref('USER_PROJECT_SIMILARITY') }}

),

final as (

    select 'USER_PROJECT_SIMILARITY' as only_in, * from only_in_core
    union all
    select 'test_similarities' as only_in, * from only_in_fixtures

)

select * from final
