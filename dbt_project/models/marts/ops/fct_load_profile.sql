with
profiles as (
    select
        load_id,
        extract,
        column_name,
        category,
        records,
        filled,
        different,
        earliest,
        latest
    from {{ ref('stg_lake__load_profiles') }}
)

select
    {{ surrogate_key(['profiles.load_id', 'profiles.column_name', 'profiles.category']) }} as load_profile_id,
    profiles.load_id,
    profiles.extract,
    loads.source_system,
    loads.file_name,
    profiles.column_name,
    profiles.category,
    profiles.records,
    profiles.filled,
    profiles.different,
    profiles.earliest,
    profiles.latest
from profiles
inner join {{ ref('stg_lake__loads') }} as loads on profiles.load_id = loads.load_id
