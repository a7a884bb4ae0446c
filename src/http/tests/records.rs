//! Call records: pages, filters, what narrowed keys see, CSV.

use crate::http::CdrQuery;
use crate::http::tests::client::Ask;
use crate::http::tests::client::Reply;
use crate::http::tests::fake::*;
use crate::record::Cdr;

async fn bench(cdrs: Vec<Cdr>) -> Bench {
    let bench = Bench::new().await;
    bench.world.lock().unwrap().cdrs = cdrs;
    bench
}

fn ids(numbers: impl IntoIterator<Item = u128>) -> Vec<String> {
    numbers.into_iter().map(|number| call_id(number).to_string()).collect()
}

fn last_query(bench: &Bench) -> CdrQuery {
    bench.world.lock().unwrap().queries.last().cloned().unwrap()
}

/// All pages from the first, with the number of pages.
async fn walk(bench: &Bench, query: &str, key: &str) -> (Vec<String>, usize) {
    let mut all = Vec::new();
    let mut cursor = String::new();
    for pages in 1..100 {
        let page = bench.get(&format!("cdrs?{query}{cursor}"), key).await;
        all.extend(page.ids("id"));
        match page.json()["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (all, pages),
        }
    }
    panic!("the pages do not end");
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let bench = bench((1..=7).map(|number| cdr(number, None, None)).collect()).await;
    assert_eq!(walk(&bench, "limit=3", "ops").await, (ids((1..=7).rev()), 3));
    assert_eq!(walk(&bench, "limit=7", "ops").await, (ids((1..=7).rev()), 1));
    assert_eq!(walk(&bench, "", "ops").await, (ids((1..=7).rev()), 1));
    assert_eq!(last_query(&bench).limit, 101, "a hundred, and one to know whether there are more");
}

#[tokio::test]
async fn filters_reach_the_store() {
    let bench = bench(Vec::new()).await;
    let query =
        "queue=support&agent=alice&from=2026-11-22T00:00:00Z&to=2026-11-23T00%3A00%3A00%2B01%3A00&limit=5";
    assert_eq!(bench.get(&format!("cdrs?{query}"), "ops").await.ids("id"), [""; 0]);
    let expected = CdrQuery {
        before: None,
        limit: 6,
        from: Some(wall("2026-11-22T00:00:00Z")),
        to: Some(wall("2026-11-22T23:00:00Z")),
        queue: Some("support".into()),
        agent: Some("alice".into()),
    };
    assert_eq!(last_query(&bench), expected);
    for (query, pointer) in [
        ("from=yesterday", "/from"),
        ("to=1", "/to"),
        ("limit=0", "/limit"),
        ("limit=1001", "/limit"),
        ("limit=x", "/limit"),
        ("cursor=x", "/cursor"),
        ("quue=support", "/quue"),
        ("from=2026-11-23T00:00:00Z&to=2026-11-22T00:00:00Z", "/to"),
    ] {
        let reply = bench.get(&format!("cdrs?{query}"), "ops").await;
        assert_eq!(reply.problem(422), "invalid", "{query}");
        assert_eq!(reply.pointers(), [pointer], "{query}");
    }
}

#[tokio::test]
async fn narrowed_keys_get_their_own_records() {
    let mixed = [("alice", "support"), ("carla", "sales"), ("bruno", "support"), ("bruno", "sales")];
    let cdrs: Vec<_> = (0..40_usize)
        .map(|number| (number, mixed[number % 4]))
        .map(|(number, (agent, queue))| cdr(number as u128 + 1, Some(agent), Some(queue)))
        .collect();
    let bench = bench(cdrs).await;
    let (alice, _) = walk(&bench, "limit=4", "agent-alice").await;
    assert_eq!(alice, ids((0..10).rev().map(|n| n * 4 + 1)));
    let (support, _) = walk(&bench, "limit=4", "support-all").await;
    assert_eq!(support.len(), 20);
    let (bruno, _) = walk(&bench, "limit=4", "bruno-support").await;
    assert_eq!(bruno, ids((0..10).rev().map(|n| n * 4 + 3)));
    let before = bench.world.lock().unwrap().queries.len();
    assert_eq!(bench.get("cdrs?queue=sales", "support-all").await.ids("id"), [""; 0]);
    assert_eq!(bench.get("cdrs?agent=carla", "agent-alice").await.ids("id"), [""; 0]);
    assert_eq!(bench.world.lock().unwrap().queries.len(), before, "the store was not even asked");
}

#[tokio::test]
async fn a_key_of_two_queues_pages_over_many_strange_records() {
    let cdrs: Vec<_> = (1..=60)
        .map(|number| cdr(number, None, Some(if number == 1 { "support" } else { "other" })))
        .collect();
    let bench = bench(cdrs).await;
    let scopes = crate::http::Scope::ALL;
    bench.keys.replace(vec![key("two", scopes, None, Some(&["support", "sales"]))]);
    let (seen, pages) = walk(&bench, "limit=2", "two").await;
    assert_eq!(seen, ids([1]));
    assert!(pages > 1, "a page reads a bounded part of the store and may be empty");
}

#[tokio::test]
async fn a_store_that_is_away_is_told() {
    let bench = bench(Vec::new()).await;
    bench.world.lock().unwrap().store_is_up = false;
    let reply = bench.get("cdrs", "ops").await;
    assert_eq!(reply.problem(503), "store_away");
    assert!(!reply.body.contains("fire"), "what the store said is for the log");
}

async fn csv(bench: &Bench, path: &str, accept: &str) -> Reply {
    bench.ask(Ask::new("GET", path).key("ops").header("Accept", accept)).await
}

#[tokio::test]
async fn csv_is_safe_and_complete() {
    let hostile = Cdr {
        from: "=HYPERLINK(\"http://evil\",\"x\")".to_string(),
        to: "a,b\r\nc".to_string(),
        cause: "-1+1".to_string(),
        ..cdr(2, Some("alice"), Some("support"))
    };
    let bench = bench(vec![cdr(1, None, None), hostile, cdr(3, None, None)]).await;
    let reply = csv(&bench, "cdrs?limit=2", "text/csv").await;
    assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8; header=present");
    let id = |number| call_id(number).to_string();
    let expected = format!(
        "id,from,to,started_at,answered_at,ended_at,outcome,cause,queue,agent,wait_seconds,talk_seconds,hold_seconds,\
         wrap_up_seconds,disposition\r\n\
         {},+33140000001,600,2026-11-22T09:00:00.000Z,,2026-11-22T09:01:00.000Z,no_answer,normal,,,1.5,60,0,0,\r\n\
         {},\"'=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\",\"a,b\r\nc\",2026-11-22T09:00:00.000Z,,\
         2026-11-22T09:01:00.000Z,no_answer,'-1+1,support,alice,1.5,60,0,0,\r\n",
        id(3),
        id(2)
    );
    assert_eq!(reply.body, expected);
    let next = format!("</api/v1/cdrs?limit=2&cursor={}>; rel=\"next\"", id(2));
    assert_eq!(reply.header("link"), next);
    let rest = csv(&bench, &format!("cdrs?limit=2&cursor={}", id(2)), "text/csv").await;
    assert_eq!((rest.body.lines().count(), rest.header("link")), (2, ""));
}

#[tokio::test]
async fn accept_decides_the_form() {
    let bench = bench(Vec::new()).await;
    for (accept, is_csv) in [
        ("text/csv", true),
        ("TEXT/CSV; header=present", true),
        ("text/csv, application/json;q=0.9", true),
        ("application/json, text/csv;q=0.5", false),
        ("text/csv;q=0", false),
        ("*/*", false),
        ("text/*", false),
        ("application/json", false),
        (";;,q=", false),
    ] {
        let reply = csv(&bench, "cdrs", accept).await;
        assert_eq!(
            (reply.status, reply.header("content-type").starts_with("text/csv")),
            (200, is_csv),
            "{accept}"
        );
        assert_eq!(reply.header("vary"), "accept");
    }
}
