-- Paths that led nowhere, and what visits name.

-- name: touches_of_nobody
-- Signs of some days (UTC) of browsers and chats that no order has: paths that led nowhere.
-- asks: since text, until text, dataset text
-- answers: dataset text, who text, source_key text, happened_at bigint, kind text, source text, medium text, campaign text, content text, term text, utm_id text, click_kind text, campaign_id text, adset_id text, ad_id text, referrer_host text, landing_path text, device text
select t.dataset, t.who, t.source_key, t.happened_at, t.kind, t.source, t.medium, t.campaign, t.content, t.term, t.utm_id,
       t.click_kind, t.campaign_id, t.adset_id, t.ad_id, t.referrer_host, t.landing_path, t.device
from touches as t
where t.day between $since and $until and t.kind in ('click', 'visit', 'chat') and ($dataset = '' or t.dataset = $dataset)
  and not exists (select 1 from purchase_people as p join orders as o on o.action = p.action where p.who = t.who)
order by t.who, t.happened_at, t.source_key

-- name: adverts_seen
-- Which campaigns, ad sets and ads any visit of some days (UTC) names, and whose they are by that visit. A name that a campaign no longer has,
-- but that was told of it once, is that campaign's id, too.
-- asks: since text, until text
-- answers: platform text, campaign_id text, campaign text, adset_id text, term text, ad_id text, content text
select v.platform, v.campaign_id, v.campaign, v.adset_id, v.term, v.ad_id, v.content
from (
    select case when t.platform <> '' then t.platform else lower(trim(t.source)) end as platform, t.campaign_id, t.campaign, t.adset_id, t.term,
           t.ad_id, t.content
    from touches as t
    where t.day between $since and $until
    union
    select o.platform, o.campaign_id, '' as campaign, '' as adset_id, '' as term, '' as ad_id, '' as content
    from (select distinct s.platform, s.campaign_id, trim(s.campaign) as name from spend as s
          where s.stands = false and s.campaign_id <> '' and trim(s.campaign) <> '') as o
    join (select distinct case when t.platform <> '' then t.platform else lower(trim(t.source)) end as platform, trim(t.campaign) as name
          from touches as t where t.day between $since and $until) as n on n.platform = o.platform and n.name = o.name
) as v
order by v.platform, v.campaign_id, v.campaign, v.adset_id, v.term, v.ad_id, v.content
