//! Backups, and what becomes of a key centre that was restored from one, fresh or old.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    watching::{check_totals, expected_faults, found, play, some_faults},
    *,
};
use crate::{
    fake::Fate,
    grid::Order,
    key_centre::{
        backup::{backup, restore},
        open_ledger,
    },
    ledger::{Decision, LedgerError, Meter, LEDGER_FILE},
    root_key::{RootKeyError, ROOT_KEY_FILE},
    state::{write_atomically, StateError},
};

impl Scene {
    fn back_up(&self, name: &str) -> PathBuf {
        backup(&self.state(), &self.path(name)).unwrap();
        self.path(name)
    }

    /// The key centre's directory is lost and restored from a backup. Gives where the lost one is.
    fn replace_by(&self, backup: &Path) -> PathBuf {
        let lost = self.path("lost");
        fs::rename(self.state(), &lost).unwrap();
        restore(backup, &self.state(), &self.lock).unwrap();
        lost
    }

    fn decisions(&self, directory: &Path) -> Vec<(PeriodKey, Decision)> {
        let ledger = open_ledger(directory, &self.lock).unwrap();
        let keys = [1, 2]
            .into_iter()
            .flat_map(|region| (0..PERIODS).map(move |period| (region, period)));
        keys.filter_map(|(region, period)| {
            let key = PeriodKey {
                region,
                cycle: 0,
                period,
            };
            Some((key, ledger.decision(&key).unwrap()?))
        })
        .collect()
    }

    /// The orders that decided about a period.
    fn decided(&self) -> Vec<Order> {
        let world = self.grid.world();
        let decides = |order: &&Order| matches!(order, Order::Open(..) | Order::Withhold(..));
        world.orders.iter().filter(decides).cloned().collect()
    }
}

fn order((key, decision): (PeriodKey, Decision)) -> Order {
    match decision {
        Decision::Open(opening) => Order::Open(key, opening),
        Decision::Withhold(shares) => Order::Withhold(key, shares),
    }
}

#[tokio::test]
async fn a_restored_key_centre_goes_on_and_sends_the_very_decisions_that_were_made() {
    let scene = Scene::published().await;
    play(&scene, some_faults);
    scene.grid.plan(3, Fate::DiesBefore);
    assert!(scene.grid.until_death(scene.watch(0)).await.is_none());
    let fresh = scene.back_up("backup");
    let lost = scene.replace_by(&fresh);
    let before = scene.decisions(&lost);
    assert!(before.len() > scene.decided().len(), "some were made and not sent");
    scene.watch(0).await.unwrap();
    let sent = scene.decided();
    assert_eq!(sent.len(), 8, "each once");
    assert!(before.into_iter().map(order).all(|order| sent.contains(&order)));
    check_totals(&scene, some_faults);
    assert_eq!(found(&scene), expected_faults());
}

#[tokio::test]
async fn a_decision_that_an_old_backup_lacks_is_made_again_just_as_it_was() {
    let scene = Scene::published().await;
    let old = scene.back_up("backup");
    play(&scene, some_faults);
    // All are decided; no order but the first three gets through.
    scene.grid.plan(3, Fate::DiesBefore);
    assert!(scene.grid.until_death(scene.watch(0)).await.is_none());
    let lost = scene.replace_by(&old);
    assert_eq!(scene.decisions(&scene.state()), []);
    scene.watch(0).await.unwrap();
    let (before, after) = (scene.decisions(&lost), scene.decisions(&scene.state()));
    assert!(before.len() > 3 && before.iter().all(|decision| after.contains(decision)));
    let sent = scene.decided();
    assert_eq!((after.len(), sent.len()), (8, 8), "each once");
    assert!(after.into_iter().map(order).all(|order| sent.contains(&order)));
    check_totals(&scene, some_faults);
    assert_eq!(found(&scene), expected_faults());
}

#[tokio::test]
async fn what_the_chain_decided_since_an_old_backup_is_recorded_with_its_faults_and_not_sent() {
    let scene = Scene::published().await;
    let old = scene.back_up("backup");
    play(&scene, some_faults);
    scene.watch(0).await.unwrap();
    let lost = scene.replace_by(&old);
    let settled = scene.watch(0).await.unwrap();
    assert_eq!(settled.len(), 8);
    assert!(settled.iter().all(|one| one.event == "recorded"));
    assert_eq!(scene.decided().len(), 8, "none is sent again");
    assert_eq!(scene.decisions(&scene.state()), scene.decisions(&lost));
    assert_eq!(found(&scene), expected_faults());
    assert_eq!(scene.watch(0).await.unwrap(), []);
}

#[tokio::test]
async fn an_old_backup_is_not_stuck_where_the_shares_have_left_the_chain() {
    let scene = Scene::published().await;
    let old = scene.back_up("backup");
    scene.play(0, all);
    scene.watch(0).await.unwrap();
    scene.replace_by(&old);
    scene.grid.world().pruned = true;
    let settled = scene.watch(0).await.unwrap();
    assert!(settled.len() == 8 && settled.iter().all(|one| one.event == "gone"));
    assert_eq!(scene.decided().len(), 8);
}

#[tokio::test]
async fn meters_that_an_old_backup_lacks_are_enrolled_again_before_anything_is_decided_and_nobody_else_is() {
    let mut scene = Scene::new();
    scene.enrol(1).await.unwrap();
    let old = scene.back_up("backup");
    scene.homes.push(Home::new(50, 1));
    scene.enrol(1).await.unwrap();
    scene.enrol(2).await.unwrap();
    scene.accept();
    scene.schedule(0).await.unwrap();
    publish(&scene.centre(), 0, &[], None, &ProgressBar::hidden())
        .await
        .unwrap();
    scene.play(0, all);
    scene.replace_by(&old);
    assert_eq!(scene.centre().ledger().count_meters().unwrap(), (5, 5));
    assert!(matches!(scene.watch(0).await, Err(Error::MetersDiffer { .. })));
    assert_eq!(scene.decided(), []);

    scene.homes.push(Home::new(51, 1));
    let stranger = scene.enrol(1).await;
    assert!(matches!(
        stranger,
        Err(Error::Ledger(LedgerError::Fixed {
            region: 1,
            fixed: 0,
            ..
        }))
    ));
    scene.homes.pop();
    let back = scene.enrol(1).await.unwrap();
    assert_eq!(back.iter().filter(|one| one.new).count(), 1);
    scene.enrol(2).await.unwrap();
    assert_eq!(scene.watch(0).await.unwrap().len(), 8);
    check_totals(&scene, |_, _| &Half::BOTH);
}

fn pair(number: u8) -> [Meter; 2] {
    [number, number | 0x80].map(|number| Meter {
        bid: [number; 32],
        label: format!("meter {number}"),
        region: 1,
        first_cycle: 0,
        first_period: None,
        left: None,
        spend_public: [number; 32],
        recipient: [1; 32],
    })
}

#[test]
fn a_backup_made_while_others_write_holds_whole_commits_and_all_that_came_before_it() {
    let scene = Scene::new();
    let done = AtomicBool::new(false);
    let counts: Vec<_> = std::thread::scope(|threads| {
        threads.spawn(|| {
            let ledger = open_ledger(&scene.state(), &scene.lock).unwrap();
            (0..100).for_each(|number| ledger.enter_meters(&pair(number)).unwrap());
            done.store(true, Ordering::Release);
        });
        let count = |backup: &Path| open_ledger(backup, &scene.lock).unwrap().count_meters().unwrap().0;
        let ledger = open_ledger(&scene.state(), &scene.lock).unwrap();
        let mut counts = Vec::new();
        while !done.load(Ordering::Acquire) || counts.is_empty() {
            let before = ledger.count_meters().unwrap().0;
            let copy = scene.back_up(&format!("backup-{}", counts.len()));
            let after = ledger.count_meters().unwrap().0;
            let held = count(&copy);
            assert!(
                held % 2 == 0 && (before..=after).contains(&held),
                "{before} {held} {after}"
            );
            counts.push(held);
        }
        counts
    });
    assert!(counts.is_sorted());
    assert_eq!(
        restore(&scene.back_up("last"), &scene.path("restored"), &scene.lock).unwrap(),
        200
    );
}

#[test]
fn a_backup_is_private_and_nothing_but_the_two_files() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let backup = scene.back_up("backup");
    assert_eq!(mode(&backup), 0o700);
    let mut files: Vec<_> = fs::read_dir(&backup)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files, [LEDGER_FILE, ROOT_KEY_FILE].map(|name| backup.join(name)));
    assert!(files.iter().all(|file| mode(file) == 0o600));
    let again = self::backup(&scene.state(), &backup);
    assert!(matches!(again, Err(Error::File(StateError::NotEmpty { .. }))));
}

#[test]
fn a_backup_is_not_taken_of_a_root_key_in_the_clear_or_of_half_a_key_centre() {
    let scene = Scene::new();
    let (key, ledger) = (scene.state().join(ROOT_KEY_FILE), scene.state().join(LEDGER_FILE));
    let sealed = fs::read(&key).unwrap();
    write_atomically(&key, "5a".repeat(32).as_bytes()).unwrap();
    let refused = backup(&scene.state(), &scene.path("backup"));
    assert!(matches!(refused, Err(Error::RootKey(RootKeyError::Plain { .. }))));
    write_atomically(&key, &sealed).unwrap();
    fs::remove_file(ledger).unwrap();
    let refused = backup(&scene.state(), &scene.path("backup"));
    assert!(matches!(refused, Err(Error::Ledger(LedgerError::Missing { .. }))));
    assert!(!scene.path("backup").exists());
}

#[test]
fn a_backup_that_is_damaged_or_locked_otherwise_or_of_two_key_centres_is_not_restored() {
    let scene = Scene::new();
    let backup = scene.back_up("backup");
    let (key, ledger) = (backup.join(ROOT_KEY_FILE), backup.join(LEDGER_FILE));
    let (good_key, good_ledger) = (fs::read(&key).unwrap(), fs::read(&ledger).unwrap());
    let target = scene.path("restored");
    let restored = |lock: &Lock| restore(&backup, &target, lock);

    let otherwise = restored(&Lock::generate());
    assert!(matches!(otherwise, Err(Error::RootKey(RootKeyError::Locked { .. }))));
    for (place, byte) in good_key.iter().enumerate().step_by(9) {
        let mut bad = good_key.clone();
        bad[place] = byte ^ 1;
        write_atomically(&key, &bad).unwrap();
        assert!(matches!(restored(&scene.lock), Err(Error::RootKey(_))), "byte {place}");
    }
    let other = Scene::new();
    write_atomically(&key, &fs::read(other.state().join(ROOT_KEY_FILE)).unwrap()).unwrap();
    let mixed = restored(&other.lock);
    assert!(matches!(mixed, Err(Error::Ledger(LedgerError::OtherRootKey { .. }))));
    write_atomically(&key, &good_key).unwrap();

    let mut scribbled = good_ledger.clone();
    scribbled[4_096..8_192].fill(0x5a);
    for bad in [&good_ledger[..good_ledger.len() / 2], &scribbled[..], b"no ledger"] {
        write_atomically(&ledger, bad).unwrap();
        assert!(matches!(restored(&scene.lock), Err(Error::Ledger(_))));
    }
    assert!(!target.exists());
    write_atomically(&ledger, &good_ledger).unwrap();
    restored(&scene.lock).unwrap();
    let over = restored(&scene.lock);
    assert!(matches!(over, Err(Error::File(StateError::NotEmpty { .. }))));
}
