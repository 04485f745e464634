//! Enrolment and scheduling.

use super::*;
use crate::{
    fake::Fate,
    grid::Order,
    key_centre::{enrol::request_files, open_ledger},
    ledger::{LedgerError, LEDGER_FILE},
    root_key::{RootKeyError, ROOT_KEY_FILE},
};

/// What enrolling one altered request of region 1 says.
async fn refusal(scene: &Scene, alter: impl FnOnce(&mut Request)) -> String {
    let files = scene.requests(1);
    let mut request = Request::from_json(&std::fs::read_to_string(&files[1]).unwrap()).unwrap();
    alter(&mut request);
    std::fs::write(&files[1], request.to_json()).unwrap();
    let meters = scene.centre().ledger().count_meters().unwrap();
    let error = enrol(&scene.centre(), &files, 1, 0, &scene.path("responses"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Requests(_)), "{error}");
    assert_eq!(
        scene.centre().ledger().count_meters().unwrap(),
        meters,
        "nothing is entered"
    );
    error.to_string()
}

#[tokio::test]
async fn requests_are_entered_registered_and_answered() {
    let mut scene = Scene::new();
    let enrolled = scene.enrol(1).await.unwrap();
    assert_eq!(enrolled.len(), FIRST);
    assert!(enrolled
        .iter()
        .all(|one| one.new && one.region == 1 && one.response.exists()));
    scene.enrol(2).await.unwrap();
    scene.accept();
    let users = scene.grid.world().users.clone();
    let expected = scene
        .homes
        .iter()
        .map(|home| (home.bid, home.identity.recipient()))
        .collect();
    assert_eq!(users, expected);
    assert_eq!(
        scene.grid.world().orders.len(),
        2,
        "one call registers all of a command's users"
    );
    assert_eq!(scene.centre().ledger().count_meters().unwrap(), (9, 9));
}

#[tokio::test]
async fn enrolling_again_registers_nobody_again_and_answers_the_same() {
    let scene = Scene::new();
    scene.enrol(1).await.unwrap();
    let first = read_response(&scene.path("responses"), &scene.homes[0]);
    std::fs::remove_dir_all(scene.path("responses")).unwrap();
    let again = scene.enrol(1).await.unwrap();
    assert!(again.iter().all(|one| !one.new));
    assert!(read_response(&scene.path("responses"), &scene.homes[0]) == first);
    assert_eq!(scene.grid.world().orders.len(), 1);
}

#[tokio::test]
async fn a_death_while_registering_leaves_nothing_half_done() {
    for fate in [Fate::DiesBefore, Fate::DiesAfter] {
        let mut scene = Scene::new();
        scene.grid.plan(0, fate);
        assert!(scene.grid.until_death(scene.enrol(1)).await.is_none());
        assert_eq!(
            scene.centre().ledger().count_meters().unwrap(),
            (5, 0),
            "entered, not known to be registered"
        );
        scene.enrol(1).await.unwrap();
        scene.enrol(2).await.unwrap();
        scene.accept();
        assert_eq!(scene.grid.world().users.len(), 9);
        assert_eq!(scene.grid.world().orders.len(), 2);
    }
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_a_failing_node_asked_again() {
    for fate in [Fate::AnswerLost, Fate::NodeFails] {
        let scene = Scene::new();
        scene.grid.plan(0, fate);
        scene.enrol(1).await.unwrap();
        assert_eq!(scene.grid.world().users.len(), FIRST);
        assert_eq!(scene.grid.world().orders.len(), 1, "{fate:?}");
    }
}

#[tokio::test]
async fn a_request_that_comes_twice_is_refused_by_what_it_repeats() {
    let scene = Scene::new();
    let other = scene.homes[0].request();
    let said = refusal(&scene, |request| request.bid = other.bid).await;
    assert!(
        said.contains("home 2: its bill identifier is in two of the requests"),
        "{said}"
    );
    let said = refusal(&scene, |request| request.label = other.label.clone()).await;
    assert!(said.contains("home 1: its label is in two of the requests"), "{said}");
    let said = refusal(&scene, |request| request.spend_public = other.spend_public).await;
    assert!(
        said.contains("home 2: its spend key is in two of the requests"),
        "{said}"
    );
}

#[tokio::test]
async fn a_request_that_differs_from_what_is_enrolled_is_refused() {
    let scene = Scene::new();
    scene.enrol(1).await.unwrap();
    let said = refusal(&scene, |request| request.label = "another name".into()).await;
    assert!(
        said.contains("enrolled already, as home 2 in region 1 from cycle 0"),
        "{said}"
    );
    let said = refusal(&scene, |request| request.bid = [77; 32]).await;
    assert!(said.contains("another meter is enrolled under this label"), "{said}");
    let said = refusal(&scene, |request| {
        request.bid = [77; 32];
        request.label = "a new name".into();
    })
    .await;
    assert!(said.contains("its spend key is enrolled already, for home 2"), "{said}");
    let elsewhere = enrol(&scene.centre(), &scene.requests(1), 2, 0, &scene.path("responses"))
        .await
        .unwrap_err();
    assert!(elsewhere.to_string().contains("as home 1 in region 1"), "{elsewhere}");
}

#[tokio::test]
async fn a_malformed_request_is_refused_with_its_file() {
    let scene = Scene::new();
    for (alter, expected) in [
        (
            (|request| request.spend_public = [0xff; 32]) as fn(&mut Request),
            "spend_public is not a public key",
        ),
        (
            |request| request.spend_public = [0; 32],
            "spend_public is not a public key",
        ),
        (
            |request| request.recipient = "age1nobody".into(),
            "recipient is not an age recipient",
        ),
        (|request| request.label = "  ".into(), "the label must be"),
        (|request| request.label = "two\nlines".into(), "the label must be"),
        (|request| request.version = 9, "version 9"),
    ] {
        let said = refusal(&scene, alter).await;
        assert!(said.contains(expected) && said.contains("2.json"), "{said}");
    }
    let files = scene.requests(1);
    for text in [
        "",
        "{",
        "[]",
        "{\"version\": 1}",
        "{\"version\": 1, \"label\": \"x\", \"bid\": \"00\"}",
    ] {
        std::fs::write(&files[0], text).unwrap();
        let error = enrol(&scene.centre(), &files, 1, 0, &scene.path("responses"))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("1.json") && error.contains("no enrolment request"),
            "{text:?} gave {error}"
        );
    }
    assert_eq!(scene.grid.world().orders, []);
}

#[tokio::test]
async fn all_that_is_wrong_with_several_requests_is_said_at_once() {
    let scene = Scene::new();
    let files = scene.requests(1);
    std::fs::write(&files[0], "nonsense").unwrap();
    std::fs::write(&files[3], "nonsense").unwrap();
    let said = enrol(&scene.centre(), &files, 1, 0, &scene.path("responses"))
        .await
        .unwrap_err()
        .to_string();
    assert!(said.contains("1.json") && said.contains("4.json"), "{said}");
}

#[tokio::test]
async fn a_directory_gives_its_json_files_and_an_empty_one_is_an_error() {
    let scene = Scene::new();
    let files = scene.requests(1);
    let directory = files[0].parent().unwrap();
    std::fs::write(directory.join("notes.txt"), "not a request").unwrap();
    assert_eq!(request_files(None, Some(directory)).unwrap(), files);
    assert_eq!(request_files(Some(&files[0]), None).unwrap(), &files[..1]);
    std::fs::create_dir(scene.path("empty")).unwrap();
    assert!(matches!(
        request_files(None, Some(&scene.path("empty"))),
        Err(Error::Requests(_))
    ));
    assert!(matches!(
        request_files(None, Some(&scene.path("nowhere"))),
        Err(Error::File(_))
    ));
}

#[tokio::test]
async fn a_region_that_the_chain_does_not_know_takes_no_meters() {
    let scene = Scene::new();
    let refused = enrol(&scene.centre(), &scene.requests(1), 9, 0, &scene.path("responses")).await;
    assert!(matches!(refused, Err(Error::UnknownRegion(9))));
    assert_eq!(scene.centre().ledger().count_meters().unwrap(), (0, 0));
}

#[tokio::test]
async fn an_account_without_the_role_enrols_nobody() {
    let scene = Scene::new();
    for (account, nobody) in [(Some(CONTROL_CENTRE), false), (Some([1; 32]), false), (None, true)] {
        let centre = KeyCentre::open(&scene.state(), &scene.lock, scene.grid.seen_by(account)).unwrap();
        let refused = enrol(&centre, &scene.requests(1), 1, 0, &scene.path("responses")).await;
        let as_expected = match refused {
            Err(Error::WithoutRole { .. }) => !nobody,
            Err(Error::Missing { flag: "--key-file", .. }) => nobody,
            _ => false,
        };
        assert!(as_expected, "{account:?}");
        assert_eq!(centre.ledger().count_meters().unwrap(), (0, 0));
    }
}

#[tokio::test]
async fn a_meter_cannot_join_a_cycle_that_is_published() {
    let mut scene = Scene::published().await;
    scene.homes.push(Home::new(50, 1));
    let error = scene.enrol(1).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Ledger(LedgerError::Fixed {
                region: 1,
                fixed: 0,
                first_cycle: 0
            })
        ),
        "{error}"
    );
    let request = scene.path("requests-1/50.json");
    let later = enrol(&scene.centre(), &[request], 1, 1, &scene.path("responses"))
        .await
        .unwrap();
    assert!(later[0].new);
}

#[tokio::test]
async fn a_user_whom_the_chain_knows_by_another_key_is_refused() {
    let scene = Scene::new();
    scene.grid.world().users.insert(scene.homes[0].bid, [9; 32]);
    let error = scene.enrol(1).await.unwrap_err().to_string();
    assert!(error.contains("home 1: the chain has another key"), "{error}");
}

#[tokio::test]
async fn a_root_key_is_not_replaced_where_a_ledger_remains() {
    let scene = Scene::new();
    assert!(!init(&scene.state(), &scene.lock).unwrap());
    std::fs::remove_file(scene.state().join(ROOT_KEY_FILE)).unwrap();
    assert!(matches!(
        init(&scene.state(), &scene.lock),
        Err(Error::RootKey(RootKeyError::NotInitialised { .. }))
    ));
    assert!(scene.state().join(LEDGER_FILE).exists());
    assert!(!scene.state().join(ROOT_KEY_FILE).exists());
}

#[tokio::test]
async fn a_key_centre_that_was_never_made_says_so() {
    let scene = Scene::new();
    let nowhere = scene.path("nowhere");
    assert!(matches!(
        open_ledger(&nowhere, &scene.lock),
        Err(Error::RootKey(RootKeyError::NotInitialised { .. }))
    ));
    let opened = KeyCentre::open(&nowhere, &scene.lock, scene.grid.clone());
    assert!(matches!(
        opened,
        Err(Error::RootKey(RootKeyError::NotInitialised { .. }))
    ));
}

async fn try_schedule(scene: &Scene, cycle: CycleId, start: Start, periods: PeriodIndex) -> Result<bool, String> {
    let done = schedule(&scene.centre(), cycle, start, 10 * SECOND, 5 * SECOND, periods).await;
    done.map(|scheduled| scheduled.new).map_err(|error| error.to_string())
}

#[tokio::test]
async fn cycles_are_scheduled_in_order_from_the_chains_clock_or_at_a_moment() {
    let scene = Scene::new();
    let now = scene.grid.world().now;
    assert_eq!(try_schedule(&scene, 0, Start::In(60), 4).await, Ok(true));
    assert_eq!(scene.grid.world().cycles[0].start, now + 60 * SECOND);
    let end = now + 100 * SECOND;
    assert_eq!(try_schedule(&scene, 1, Start::At(end), 4).await, Ok(true));
    assert_eq!(scene.grid.world().cycles[1].start, end);
}

#[tokio::test]
async fn scheduling_again_changes_nothing_and_something_else_is_refused() {
    let scene = Scene::new();
    assert_eq!(try_schedule(&scene, 0, Start::In(60), 4).await, Ok(true));
    let start = scene.grid.world().cycles[0].start;
    scene.grid.advance(start - 5 * SECOND);
    assert_eq!(try_schedule(&scene, 0, Start::In(60), 4).await, Ok(false));
    assert_eq!(try_schedule(&scene, 0, Start::At(start), 4).await, Ok(false));
    for other in [
        try_schedule(&scene, 0, Start::At(start + 1), 4).await,
        try_schedule(&scene, 0, Start::In(60), 5).await,
    ] {
        assert!(other.unwrap_err().contains("scheduled already"));
    }
    assert_eq!(scene.grid.world().orders.len(), 1);
}

#[tokio::test]
async fn a_schedule_that_cannot_be_is_refused_with_its_reason() {
    let scene = Scene::new();
    let now = scene.grid.world().now;
    for (cycle, start, periods, said) in [
        (1, Start::In(60), 4, "the next cycle is 0"),
        (0, Start::In(60), 0, "it needs 1 to 1488 periods"),
        (0, Start::In(60), 1_489, "it needs 1 to 1488 periods"),
        (0, Start::In(0), 4, "the chain's clock is at"),
        (0, Start::At(now - 1), 4, "the chain's clock is at"),
        (0, Start::In(u64::MAX), 4, "it needs 1 to 1488 periods"),
    ] {
        let error = try_schedule(&scene, cycle, start, periods).await.unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    try_schedule(&scene, 0, Start::In(60), 4).await.unwrap();
    let early = try_schedule(&scene, 1, Start::In(61), 4).await.unwrap_err();
    assert!(early.contains("before cycle 0 ends"), "{early}");
}

#[tokio::test]
async fn a_death_while_scheduling_schedules_once() {
    for fate in [Fate::DiesBefore, Fate::DiesAfter] {
        let scene = Scene::new();
        scene.grid.plan(0, fate);
        assert!(scene.grid.until_death(scene.schedule(0)).await.is_none());
        scene.schedule(0).await.unwrap();
        assert!(matches!(scene.grid.world().orders[..], [Order::ScheduleCycle(0, _)]));
    }
}
