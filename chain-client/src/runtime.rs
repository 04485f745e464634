//! The chain's runtime as its metadata describes it: how calls are encoded and signed, and what events say.
//!
//! Calls carry their arguments as SCALE bytes already; the metadata gives the numbers of pallet and call, the order of
//! the transaction extensions and the names of errors. Extensions that encode to nothing need no mention here.

use crate::{
    calls::Arguments,
    chain::Head,
    link::{translate, Session},
    reads::{decode, state_call},
    Call, Error,
};
use codec::{Compact, DecodeAll, Encode};
use std::sync::Arc;
use subxt::{
    client::OfflineClientAtBlock,
    config::{
        substrate::{BlakeTwo256, SubstrateHeader},
        Config, DefaultExtrinsicParamsBuilder, DefaultTransactionExtensions, HashFor,
    },
    error::DispatchError,
    events::Phase,
    ext::{
        frame_decode::storage::encode_storage_key,
        scale_encode::{EncodeAsFields, Error as EncodeError, FieldIter},
        scale_type_resolver::TypeResolver,
    },
    metadata::{ArcMetadata, Metadata},
    transactions::Payload,
    utils::{AccountId32, MultiAddress, MultiSignature, H256},
    OfflineClient,
};

/// The chain's block header.
pub(crate) type GridHeader = SubstrateHeader<H256>;

/// For how many blocks after the finalised one at signing a transaction can be included; a power of two.
pub(crate) const LIFETIME: u32 = 128;

/// The metadata version that is asked for: the newest that is stable.
const METADATA_VERSION: u32 = 16;

/// The chain's types, and one version of its runtime.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    genesis: H256,
    spec_version: u32,
    transaction_version: u32,
    metadata: ArcMetadata,
}

impl Config for Grid {
    type AccountId = AccountId32;
    type Address = MultiAddress<AccountId32, u32>;
    type Signature = MultiSignature;
    type Hasher = BlakeTwo256;
    type Header = GridHeader;
    type TransactionExtensions = DefaultTransactionExtensions<Self>;
    type AssetId = u32;

    fn genesis_hash(&self) -> Option<HashFor<Self>> {
        Some(self.genesis)
    }

    fn spec_and_transaction_version_for_block_number(&self, _: u64) -> Option<(u32, u32)> {
        Some((self.spec_version, self.transaction_version))
    }

    fn metadata_for_spec_version(&self, _: u32) -> Option<ArcMetadata> {
        Some(self.metadata.clone())
    }
}

/// A version of the runtime.
pub(crate) struct Runtime {
    versions: (u32, u32),
    client: OfflineClientAtBlock<Grid>,
}

/// Signs a transaction's payload, and says for which account.
pub(crate) trait Sign {
    /// The account that the transaction is from.
    fn account(&self) -> [u8; 32];
    /// An sr25519 signature of the payload.
    fn sign(&self, payload: &[u8]) -> [u8; 64];
}

impl Runtime {
    /// The runtime at a block: `seen` if that is its version, else read from the node.
    pub async fn fetch(
        session: &Session,
        head: Head,
        genesis: [u8; 32],
        seen: Option<Arc<Runtime>>,
    ) -> Result<Arc<Runtime>, Error> {
        let version = session.rpc.state_get_runtime_version(Some(H256(head.hash))).await;
        let version = version.map_err(|cause| translate(&session.url, "reading the runtime's version", cause))?;
        let versions = (version.spec_version, version.transaction_version);
        if let Some(seen) = seen.filter(|seen| seen.versions == versions) {
            return Ok(seen);
        }
        let function = "Metadata_metadata_at_version";
        let answer = state_call(session, function, &METADATA_VERSION.encode(), head.hash).await?;
        let metadata: Option<Vec<u8>> = decode(function, &answer)?;
        let what = || format!("the runtime's metadata (version {METADATA_VERSION})");
        let metadata = metadata.ok_or_else(|| Error::Decode {
            what: what(),
            cause: "there is none".into(),
        })?;
        Self::new(&metadata, versions, genesis).map(Arc::new)
    }

    /// The runtime with this encoded metadata and these versions of its specification and its transactions.
    pub fn new(metadata: &[u8], versions: (u32, u32), genesis: [u8; 32]) -> Result<Self, Error> {
        let failed = |cause: &dyn std::fmt::Display| Error::Decode {
            what: "the metadata".into(),
            cause: cause.to_string(),
        };
        let metadata = Metadata::decode_from(metadata).map_err(|cause| failed(&cause))?.arc();
        let (spec_version, transaction_version) = versions;
        let grid = Grid {
            genesis: H256(genesis),
            spec_version,
            transaction_version,
            metadata,
        };
        // The configuration answers for every block alike, so that any number does.
        let client = OfflineClient::new_with_config(grid)
            .at_block(0_u32)
            .map_err(|cause| failed(&cause))?;
        Ok(Self { versions, client })
    }

    /// The version of its specification.
    pub fn spec_version(&self) -> u32 {
        self.versions.0
    }

    /// The bytes of a call, as they stand in a transaction.
    pub fn encode(&self, call: &Call) -> Result<Vec<u8>, Error> {
        let failed = |cause: &dyn std::fmt::Display| Error::Encode {
            call: call.to_string(),
            cause: cause.to_string(),
        };
        self.client
            .tx()
            .call_data(&self.bind(call)?)
            .map_err(|cause| failed(&cause))
    }

    /// A transaction with a call, signed for `signer`'s account, that can be included in the blocks after `head` for
    /// [`LIFETIME`].
    pub fn transaction(&self, call: &Call, signer: &impl Sign, nonce: u64, head: Head) -> Result<Vec<u8>, Error> {
        let failed = |cause: &dyn std::fmt::Display| Error::Encode {
            call: call.to_string(),
            cause: cause.to_string(),
        };
        let parameters = DefaultExtrinsicParamsBuilder::<Grid>::new()
            .nonce(nonce)
            .mortal_from_unchecked(LIFETIME.into(), head.number.into(), H256(head.hash))
            .build();
        let bound = self.bind(call)?;
        let transactions = self.client.tx();
        let mut transaction = transactions
            .create_v4_signable_offline(&bound, parameters)
            .map_err(|cause| failed(&cause))?;
        let payload = transaction.signer_payload().map_err(|cause| failed(&cause))?;
        let signature = MultiSignature::Sr25519(signer.sign(&payload));
        let signed = transaction.sign_with_account_and_signature(&AccountId32(signer.account()), &signature);
        Ok(signed.map_err(|cause| failed(&cause))?.into_encoded())
    }

    /// Whether the transaction at `index` of a block succeeded, by the block's events; if so, the pallets and names of its
    /// own.
    pub fn judge(&self, call: &Call, index: u32, events: Vec<u8>) -> Result<Vec<(String, String)>, Error> {
        let unreadable = |cause: &dyn std::fmt::Display| Error::Decode {
            what: "a block's events".into(),
            cause: cause.to_string(),
        };
        let mut applied = false;
        let mut reported = Vec::new();
        for event in self.client.events().from_bytes(events).iter() {
            let event = event.map_err(|cause| unreadable(&cause))?;
            if event.phase() != Phase::ApplyExtrinsic(index) {
                continue;
            }
            let fields = event.field_bytes();
            match (event.pallet_name(), event.event_name()) {
                ("System", "ExtrinsicSuccess") => applied = true,
                ("System", "ExtrinsicFailed") => return Err(self.dispatch_error(call, fields)),
                // The outcome of a motion's call: the motion's hash, then the result.
                ("Consortium", "Executed" | "MemberExecuted") if fields.get(32) == Some(&1) => {
                    return Err(self.dispatch_error(call, &fields[33..]));
                }
                // The call that brings such an upgrade succeeds all the same: the code's hash, then the reason.
                ("System", "RejectedInvalidAuthorizedUpgrade") if fields.len() > 32 => {
                    return Err(self.dispatch_error(call, &fields[32..]));
                }
                _ => {}
            }
            reported.push((event.pallet_name().to_owned(), event.event_name().to_owned()));
        }
        if applied {
            Ok(reported)
        } else {
            Err(unreadable(&format!("no word about transaction {index}")))
        }
    }

    /// The key of a value in the chain's storage: a plain one, or with `keys` one in a map.
    pub fn storage_key<const N: usize>(
        &self,
        pallet: &str,
        entry: &str,
        keys: [[u8; 32]; N],
    ) -> Result<Vec<u8>, Error> {
        let metadata = self.client.metadata_ref();
        encode_storage_key(pallet, entry, keys, metadata, metadata.types()).map_err(|cause| Error::Decode {
            what: format!("the chain's storage {pallet}.{entry}"),
            cause: cause.to_string(),
        })
    }

    /// A constant of a pallet.
    pub fn constant<T: DecodeAll>(&self, pallet: &str, name: &str) -> Result<T, Error> {
        let failed = |cause: String| Error::Decode {
            what: format!("the runtime's constant {pallet}.{name}"),
            cause,
        };
        let found = self.client.metadata_ref().pallet_by_name(pallet);
        let found = found.and_then(|pallet| pallet.constant_by_name(name));
        let mut value = found.ok_or_else(|| failed("there is none".into()))?.value();
        T::decode_all(&mut value).map_err(|cause| failed(cause.to_string()))
    }

    /// The pallet and the function of an encoded call, and its arguments' bytes; `None` where the runtime has no such call.
    pub fn name<'a>(&self, call: &'a [u8]) -> Option<(&str, &str, &'a [u8])> {
        let (&[pallet, function], arguments) = call.split_first_chunk()?;
        let pallet = self.client.metadata_ref().pallet_by_call_index(pallet)?;
        let function = pallet.call_variant_by_index(function)?;
        Some((pallet.name(), &function.name, arguments))
    }

    /// Binds a call to this runtime's numbers and types.
    fn bind<'a>(&self, call: &'a Call) -> Result<Bound<'a>, Error> {
        let arguments = match call.arguments() {
            Arguments::Plain(bytes) => bytes.clone(),
            Arguments::Motion { threshold, inner } => {
                let inner = self.encode(inner)?;
                let length = u32::try_from(inner.len()).map_err(|cause| Error::Encode {
                    call: call.to_string(),
                    cause: cause.to_string(),
                })?;
                let mut bytes = Compact(*threshold).encode();
                bytes.extend_from_slice(&inner);
                Compact(length).encode_to(&mut bytes);
                bytes
            }
        };
        Ok(Bound {
            call,
            arguments: Ready(arguments),
        })
    }

    /// What the bytes of a dispatch error mean.
    fn dispatch_error(&self, call: &Call, bytes: &[u8]) -> Error {
        let named = |pallet: &str, error: String, doc: String| Error::Dispatch {
            call: call.to_string(),
            pallet: pallet.into(),
            error,
            doc,
        };
        match DispatchError::decode_from(bytes.to_vec(), self.client.metadata()) {
            Ok(DispatchError::Module(module)) => match module.details() {
                Ok(details) => {
                    let doc = details.variant.docs.join(" ").trim().to_owned();
                    named(details.pallet.name(), details.variant.name.clone(), doc)
                }
                Err(cause) => named("System", format!("{module}"), cause.to_string()),
            },
            Ok(other) => named("System", format!("{other:?}"), other.to_string()),
            Err(cause) => named("System", "Unknown".into(), cause.to_string()),
        }
    }
}

/// A call with its encoded arguments, in the form that subxt asks for.
struct Bound<'a> {
    call: &'a Call,
    arguments: Ready,
}

/// Arguments that are encoded already.
struct Ready(Vec<u8>);

impl EncodeAsFields for Ready {
    fn encode_as_fields_to<R: TypeResolver>(
        &self,
        _: &mut dyn FieldIter<'_, R::TypeId>,
        _: &R,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        out.extend_from_slice(&self.0);
        Ok(())
    }
}

impl Payload for Bound<'_> {
    type CallData = Ready;

    fn pallet_name(&self) -> &str {
        self.call.pallet()
    }

    fn call_name(&self) -> &str {
        self.call.function()
    }

    fn call_data(&self) -> &Ready {
        &self.arguments
    }
}
