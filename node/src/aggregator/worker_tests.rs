use super::*;
use futures::executor::block_on;
use gridveil_primitives::{
    filter,
    keys::{MeterSecret, SpendKey},
    pseudonym::OneTimeKey,
    CycleId, CycleSchedule, Half,
};
use sp_keystore::{testing::MemoryKeystore, Keystore};
use std::{
    fs,
    sync::{Arc, Mutex, MutexGuard},
};
use tempfile::TempDir;
use tokio::sync::oneshot::{self, Receiver};

const GENESIS: [u8; 32] = [7; 32];
const BEST: Hash = Hash::repeat_byte(1);
const FINALISED: Hash = Hash::repeat_byte(2);
const KEY: PeriodKey = PeriodKey {
    region: 1,
    cycle: 0,
    period: 2,
};
const SCHEDULE: CycleSchedule = CycleSchedule {
    start: 10_000,
    period_ms: 10_000,
    window_ms: 5_000,
    periods: 4,
};
/// In the window of period 2, which is from 40,000 to 45,000.
const OPEN: Moment = 41_000;

/// A chain with one region, whose period 2 expects the shares of thirty meters.
struct World {
    now: Moment,
    number: BlockNumber,
    final_now: Moment,
    aggregator: [u8; 32],
    there: BTreeSet<Prid>,
    final_there: BTreeSet<Prid>,
    batches: u32,
    limits: Limits,
    /// Batches that were sent.
    sent: Vec<Vec<SignedShare>>,
    /// Why the pool takes none.
    closed: Option<String>,
    /// Why the state can't be read.
    gone: Option<String>,
    /// How often the state was asked for something.
    asked: usize,
}

#[derive(Clone)]
struct Fake(Arc<Mutex<World>>);

impl Fake {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    fn at<T>(&self, at: Hash, best: impl Fn(&World) -> T, last: impl Fn(&World) -> T) -> Result<T, String> {
        let mut world = self.world();
        world.asked += 1;
        match &world.gone {
            Some(reason) => Err(reason.clone()),
            None if at == BEST => Ok(best(&world)),
            None => Ok(last(&world)),
        }
    }

    /// What was sent since the last time.
    fn sent(&self) -> Vec<Vec<SignedShare>> {
        std::mem::take(&mut self.world().sent)
    }

    /// A later block.
    fn later(&self, blocks: BlockNumber, time: u64) {
        let mut world = self.world();
        world.number += blocks;
        world.now += time;
    }
}

impl Look for Fake {
    type Error = String;

    fn now(&self, at: Hash) -> Result<Moment, String> {
        self.at(at, |world| world.now, |world| world.final_now)
    }

    fn regions(&self, at: Hash) -> Result<BTreeMap<RegionId, [u8; 32]>, String> {
        let of = |world: &World| [(KEY.region, world.aggregator)].into();
        self.at(at, of, of)
    }

    fn latest_cycle(&self, at: Hash) -> Result<Option<CycleId>, String> {
        self.at(at, |_| Some(0), |_| Some(0))
    }

    fn schedule(&self, at: Hash, _: CycleId) -> Result<Option<CycleSchedule>, String> {
        self.at(at, |_| Some(SCHEDULE), |_| Some(SCHEDULE))
    }

    fn filter(&self, at: Hash, key: PeriodKey) -> Result<Option<Vec<u8>>, String> {
        let mut builder = filter::Builder::period(&key, 16);
        // Two that are no points slipped in.
        let wrong = [[0; 32], [255; 32]];
        (0..30).for_each(|meter| builder.insert_prid(&signer(meter).prid()));
        wrong.iter().for_each(|prid| builder.insert_prid(prid));
        let filter = builder.finish();
        let of = |_: &World| Some(filter.clone());
        self.at(at, of, of)
    }
}

impl Chain for Fake {
    fn genesis(&self) -> [u8; 32] {
        GENESIS
    }

    fn best(&self) -> (Hash, BlockNumber) {
        (BEST, self.world().number)
    }

    fn finalised(&self) -> Hash {
        FINALISED
    }

    fn batches(&self, at: Hash, _: PeriodKey) -> Result<(u32, Limits), String> {
        let of = |world: &World| (world.batches, world.limits);
        self.at(at, of, of)
    }

    fn refusal(&self, at: Hash, key: PeriodKey, prid: Prid) -> Result<Option<u8>, String> {
        let of = |world: &World| {
            assert_eq!(key, KEY, "the runtime is asked of periods that are open alone");
            let used = world.there.contains(&prid);
            used.then_some(Refusal::AlreadyUsed.code())
        };
        self.at(at, of, of)
    }

    fn shares(&self, at: Hash, _: PeriodKey) -> Result<BTreeSet<Prid>, String> {
        self.at(at, |world| world.there.clone(), |world| world.final_there.clone())
    }

    async fn send(&self, _: Hash, by: [u8; 32], key: PeriodKey, batch: Vec<SignedShare>) -> Result<(), String> {
        let mut world = self.world();
        assert_eq!((by, key), (world.aggregator, KEY));
        match &world.closed {
            Some(reason) => Err(reason.clone()),
            None => {
                world.sent.push(batch);
                Ok(())
            }
        }
    }
}

fn signer(meter: u8) -> OneTimeKey {
    let spend = SpendKey::from_bytes([5; 32]).unwrap();
    let keys = MeterSecret::from_bytes([meter; 32]).cycle_keys();
    OneTimeKey::derive(&spend, &keys, Half::First, KEY.period)
}

fn share(meter: u8) -> SignedShare {
    signer(meter).sign_share(&GENESIS, &KEY, 1_000 + u64::from(meter))
}

/// A chain, the keys of its region's aggregator, and a folder.
struct Place {
    chain: Fake,
    keystore: KeystorePtr,
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let keystore = MemoryKeystore::new();
        let public = keystore.sr25519_generate_new(KEY_TYPE, Some("//Alice")).unwrap();
        let world = World {
            now: OPEN,
            number: 100,
            final_now: OPEN - 500,
            aggregator: public.0,
            there: BTreeSet::new(),
            final_there: BTreeSet::new(),
            batches: 0,
            limits: Limits { shares: 8, batches: 6 },
            sent: Vec::new(),
            closed: None,
            gone: None,
            asked: 0,
        };
        Self {
            chain: Fake(Arc::new(Mutex::new(world))),
            keystore: Arc::new(keystore),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The node, started.
    fn worker(&self) -> Worker<Fake> {
        let metrics = Metrics::new(None).unwrap();
        Worker::open(self.folder.path(), self.chain.clone(), self.keystore.clone(), metrics).unwrap()
    }
}

type Answer = Result<Receipt, Declined>;

/// Hands in shares at once.
fn hand_in(worker: &mut Worker<Fake>, shares: &[(PeriodKey, SignedShare)]) -> Vec<Answer> {
    let (lot, answers): (Vec<_>, Vec<Receiver<Answer>>) = shares
        .iter()
        .map(|(key, share)| {
            let (answer, answered) = oneshot::channel();
            let request = Request {
                key: *key,
                share: *share,
                answer,
            };
            (request, answered)
        })
        .unzip();
    worker.accept(lot);
    let answers = answers.into_iter().map(|mut answered| answered.try_recv().unwrap());
    answers.collect()
}

fn one(worker: &mut Worker<Fake>, share: SignedShare) -> Answer {
    hand_in(worker, &[(KEY, share)]).remove(0)
}

#[test]
fn a_receipt_is_signed_for_the_share_and_says_until_when_it_will_be_there() {
    let place = Place::new();
    let receipt = one(&mut place.worker(), share(1)).unwrap();
    assert!(receipt.is_signed(&GENESIS) && !receipt.is_signed(&[8; 32]));
    assert_eq!((receipt.key, receipt.prid, receipt.value), (KEY, share(1).prid, 1_001));
    assert_eq!(
        (receipt.closes, receipt.aggregator),
        (45_000, place.chain.world().aggregator)
    );
}

#[test]
fn what_the_chain_would_refuse_is_refused_at_once_with_its_reason_and_not_kept() {
    let place = Place::new();
    let mut worker = place.worker();
    let key = |region, cycle, period| PeriodKey { region, cycle, period };
    let signed = |key: PeriodKey| (key, signer(1).sign_share(&GENESIS, &key, 5));
    let forged = SignedShare { value: 9, ..share(1) };
    let abroad = signer(1).sign_share(&[8; 32], &KEY, 5);
    let nobody = SignedShare {
        prid: [0; 32],
        ..share(1)
    };
    let none = SignedShare {
        prid: [255; 32],
        ..share(1)
    };
    for ((key, share), refusal) in [
        (signed(key(9, 0, 2)), Refusal::UnknownRegion),
        (signed(key(1, 1, 2)), Refusal::UnknownCycle),
        (signed(key(1, 0, 4)), Refusal::UnknownPeriod),
        (signed(key(1, 0, 3)), Refusal::TooEarly),
        (signed(key(1, 0, 1)), Refusal::TooLate),
        ((KEY, share(30)), Refusal::NotInFilter),
        ((KEY, forged), Refusal::BadSignature),
        ((KEY, abroad), Refusal::BadSignature),
        ((KEY, nobody), Refusal::NotAPoint),
        ((KEY, none), Refusal::NotAPoint),
    ] {
        assert_eq!(hand_in(&mut worker, &[(key, share)]), [Err(Declined::Refused(refusal))]);
    }
    place.chain.world().there.insert(share(1).prid);
    assert_eq!(one(&mut worker, share(1)), Err(Refusal::AlreadyUsed.into()));
    assert_eq!(worker.metrics.declined.get(), 11);
    block_on(worker.send());
    assert_eq!(place.chain.sent(), Vec::<Vec<_>>::new());
    drop(worker);
    assert_eq!(place.worker().book.held(), 0);
}

#[test]
fn shares_of_nobody_and_of_periods_that_are_not_are_turned_away_without_a_word_to_the_runtime() {
    let place = Place::new();
    let mut worker = place.worker();
    one(&mut worker, share(1)).unwrap();
    let asked = place.chain.world().asked;
    let lot: Vec<_> = (0..200)
        .map(|number| {
            let key = PeriodKey {
                region: 1 + number % 3,
                cycle: number % 2 * number,
                period: (number / 6 % 6) as u16,
            };
            (
                key,
                SignedShare {
                    prid: [number as u8; 32],
                    ..share(30)
                },
            )
        })
        .collect();
    let answers = hand_in(&mut worker, &lot);
    let refused = |refusal: Refusal| answers.iter().filter(|answer| **answer == Err(refusal.into())).count();
    let reasons = [
        Refusal::UnknownRegion,
        Refusal::UnknownCycle,
        Refusal::UnknownPeriod,
        Refusal::TooEarly,
        Refusal::TooLate,
        Refusal::NotInFilter,
    ];
    assert!(reasons.iter().all(|reason| refused(*reason) > 0));
    assert_eq!(reasons.iter().map(|reason| refused(*reason)).sum::<usize>(), 200);
    assert_eq!(place.chain.world().asked, asked);
}

#[test]
fn a_node_without_the_regions_key_says_that_it_is_not_the_aggregator() {
    let place = Place::new();
    place.chain.world().aggregator = [3; 32];
    assert_eq!(
        one(&mut place.worker(), share(1)),
        Err(Refusal::NotTheAggregator.into())
    );
}

#[test]
fn the_same_share_gets_a_receipt_again_and_another_value_does_not() {
    let place = Place::new();
    let mut worker = place.worker();
    let other = signer(1).sign_share(&GENESIS, &KEY, 5);
    // Within one lot, and later.
    let answers = hand_in(&mut worker, &[(KEY, share(1)), (KEY, share(1)), (KEY, other)]);
    assert!(answers[0].is_ok() && answers[1].is_ok());
    assert_eq!(answers[2], Err(Refusal::AlreadyUsed.into()));
    assert!(one(&mut worker, share(1)).is_ok());
    assert_eq!(one(&mut worker, other), Err(Refusal::AlreadyUsed.into()));
    block_on(worker.send());
    assert_eq!(place.chain.sent(), [[share(1)]]);
}

#[test]
fn no_receipt_is_given_for_what_could_not_be_kept() {
    let place = Place::new();
    let mut worker = place.worker();
    // Nothing can be made where the folder was.
    fs::remove_dir_all(place.folder.path()).unwrap();
    let answers = hand_in(&mut worker, &[(KEY, share(1)), (KEY, share(1))]);
    assert!(answers.iter().all(|answer| matches!(answer, Err(Declined::Failed(_)))));
    assert_eq!(worker.book.held(), 0);
    fs::create_dir(place.folder.path()).unwrap();
    assert!(one(&mut worker, share(1)).is_ok());
}

#[test]
fn where_the_state_cannot_be_read_nothing_is_promised_and_nothing_forgotten() {
    let place = Place::new();
    let mut worker = place.worker();
    one(&mut worker, share(1)).unwrap();
    place.chain.world().gone = Some("pruned".into());
    assert_eq!(one(&mut worker, share(2)), Err(Declined::Failed("pruned".into())));
    block_on(worker.send());
    worker.close();
    place.chain.world().gone = None;
    block_on(worker.send());
    assert_eq!(place.chain.sent(), [[share(1)]]);
}

#[test]
fn shares_go_out_sorted_and_again_until_they_are_there() {
    let place = Place::new();
    let mut worker = place.worker();
    let lot: Vec<_> = (0..5).map(|meter| (KEY, share(meter))).collect();
    assert!(hand_in(&mut worker, &lot).iter().all(Result::is_ok));
    block_on(worker.send());
    let sent = place.chain.sent().concat();
    assert!(sent.len() == 5 && sent.is_sorted_by_key(|share| share.prid));

    // A fork has three of them, and then another has none.
    place.chain.world().there = sent[..3].iter().map(|share| share.prid).collect();
    place.chain.later(8, 1_300);
    block_on(worker.send());
    assert_eq!(place.chain.sent(), [&sent[3..]]);
    place.chain.world().there.clear();
    place.chain.later(1, 1_300);
    block_on(worker.send());
    assert_eq!(place.chain.sent(), [&sent[..3]]);
}

#[test]
fn a_batch_that_the_pool_does_not_take_is_sent_again() {
    let place = Place::new();
    let mut worker = place.worker();
    one(&mut worker, share(1)).unwrap();
    place.chain.world().closed = Some("the pool is full".into());
    block_on(worker.send());
    place.chain.world().closed = None;
    place.chain.later(1, 1_300);
    block_on(worker.send());
    assert_eq!(place.chain.sent(), [[share(1)]]);
}

#[test]
fn a_node_that_starts_again_sends_all_that_it_promised_and_that_is_not_there() {
    let place = Place::new();
    {
        let mut worker = place.worker();
        let lot: Vec<_> = (0..3).map(|meter| (KEY, share(meter))).collect();
        hand_in(&mut worker, &lot);
        // Killed before anything was sent.
    }
    let mut worker = place.worker();
    block_on(worker.send());
    let sent = place.chain.sent();
    assert_eq!(sent.concat().len(), 3);
    assert!(one(&mut worker, share(1)).is_ok());

    // And once more, after it was sent and one of it landed.
    place.chain.world().there.insert(share(1).prid);
    drop(worker);
    block_on(place.worker().send());
    let sent = place.chain.sent().concat();
    assert!(sent.len() == 2 && !sent.contains(&share(1)));
}

#[test]
fn a_period_is_forgotten_when_the_finalised_chain_is_past_it_and_not_before() {
    let place = Place::new();
    let mut worker = place.worker();
    let lot: Vec<_> = (0..3).map(|meter| (KEY, share(meter))).collect();
    hand_in(&mut worker, &lot);
    place.chain.world().now = 46_000;
    place.chain.world().final_now = 44_999;
    worker.close();
    drop(worker);
    let mut worker = place.worker();
    assert_eq!(worker.book.held(), 3);

    place.chain.world().final_now = 45_000;
    place.chain.world().final_there = [share(0).prid, share(2).prid].into();
    worker.close();
    assert_eq!((worker.metrics.finalised.get(), worker.metrics.lost.get()), (2, 1));
    assert_eq!(worker.book.held(), 0);
    drop(worker);
    assert_eq!(place.worker().book.held(), 0);
}

#[test]
fn no_more_is_promised_than_the_periods_batches_hold() {
    let place = Place::new();
    // Six batches of two, two of them spare and one there.
    place.chain.world().limits.shares = 2;
    place.chain.world().batches = 1;
    let mut worker = place.worker();
    let lot: Vec<_> = (0..8).map(|meter| (KEY, share(meter))).collect();
    let answers = hand_in(&mut worker, &lot);
    assert!(answers[..6].iter().all(Result::is_ok));
    assert!(answers[6..]
        .iter()
        .all(|answer| *answer == Err(Refusal::TooManyBatches.into())));
}

#[test]
fn shares_kept_for_another_chain_are_left_out() {
    let place = Place::new();
    {
        let (mut journal, _) = Journal::open(place.folder.path()).unwrap();
        let abroad = |meter| signer(meter).sign_share(&[8; 32], &KEY, 5);
        journal.append(&KEY, &[abroad(1), share(2), abroad(3)]).unwrap();
        let earlier = PeriodKey { period: 1, ..KEY };
        journal.append(&earlier, &[abroad(1)]).unwrap();
    }
    let mut worker = place.worker();
    assert_eq!(worker.book.periods(), [KEY]);
    block_on(worker.send());
    assert_eq!(place.chain.sent(), [[share(2)]]);
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn it_ends_when_nobody_can_hand_in_anything_any_more() {
    let place = Place::new();
    one(&mut place.worker(), share(1)).unwrap();
    let (send, requests) = mpsc::channel(1);
    let (answer, answered) = oneshot::channel();
    let request = Request {
        key: KEY,
        share: share(2),
        answer,
    };
    send.send(request).await.unwrap();
    drop(send);
    let never = futures::stream::pending::<()>;
    place.worker().run(requests, never(), never()).await;
    assert!(answered.await.unwrap().is_ok());
    assert_eq!(place.chain.sent(), [[share(1)]]);
}
