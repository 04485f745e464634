//! Session keys with their secrets: what a member's node signs with.

use codec::Encode;
use gridveil_runtime::{AccountId, Header, SessionKeys};
use sp_consensus_aura::{sr25519::AuthorityId as AuraId, AURA_ENGINE_ID};
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_core::{ed25519, proof_of_possession::statement_of_ownership, sr25519, Pair};
use sp_runtime::{generic::DigestItem, traits::Header as _};

/// The session keys of a name.
pub struct Keys {
    aura: sr25519::Pair,
    grandpa: ed25519::Pair,
}

impl Keys {
    /// The keys that follow from a secret URI. A member of a preset has those of its own name.
    pub fn uri(uri: &str) -> Self {
        Self {
            aura: Pair::from_string(uri, None).expect("a well-formed secret URI"),
            grandpa: Pair::from_string(uri, None).expect("a well-formed secret URI"),
        }
    }

    pub fn aura(&self) -> AuraId {
        self.aura.public().into()
    }

    pub fn grandpa(&self) -> GrandpaId {
        self.grandpa.public().into()
    }

    pub fn public(&self) -> SessionKeys {
        SessionKeys {
            aura: self.aura(),
            grandpa: self.grandpa(),
        }
    }

    /// The proof that whoever has this account has these keys, too.
    pub fn proof(&self, account: &AccountId) -> Vec<u8> {
        let statement = statement_of_ownership(&account.encode());
        (self.aura.sign(&statement), self.grandpa.sign(&statement)).encode()
    }

    /// A header sealed as Aura seals it.
    pub fn seal(&self, mut header: Header) -> Header {
        let signature = self.aura.sign(header.hash().as_ref());
        header
            .digest_mut()
            .push(DigestItem::Seal(AURA_ENGINE_ID, signature.encode()));
        header
    }

    /// A signature as GRANDPA's votes have it.
    pub fn sign_vote(&self, payload: &[u8]) -> sp_consensus_grandpa::AuthoritySignature {
        self.grandpa.sign(payload).into()
    }
}
