//! Accounts as people write them: SS58 addresses of this chain (prefix 42), or 0x and 64 hexadecimal digits.
//!
//! **Privacy.** An account is public.

use std::str::FromStr;
use subxt::utils::AccountId32;

/// Text that names no account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no account: give an address such as {EXAMPLE}, or 0x and 64 hexadecimal digits")]
pub struct NoAccount(String);

/// An account of no one's.
const EXAMPLE: &str = "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM";

/// The account that a text names.
///
/// Errors: [`NoAccount`], also for an address that is mistyped or of another chain.
pub fn parse_account(text: &str) -> Result<[u8; 32], NoAccount> {
    let unknown = || NoAccount(text.to_owned());
    if let Some(digits) = text.strip_prefix("0x") {
        let mut account = [0; 32];
        hex::decode_to_slice(digits, &mut account).map_err(|_| unknown())?;
        return Ok(account);
    }
    let account = AccountId32::from_str(text).map_err(|_| unknown())?.0;
    // Another chain's prefix is read without complaint; written again, the address is another one.
    if show_account(&account) == text {
        Ok(account)
    } else {
        Err(unknown())
    }
}

/// The SS58 address of an account.
pub fn show_account(account: &[u8; 32]) -> String {
    AccountId32(*account).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const HEX: &str = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";

    #[test]
    fn both_forms_name_the_same_account() {
        let account = parse_account(ALICE).unwrap();
        assert_eq!(hex::encode(account), HEX);
        assert_eq!(parse_account(&format!("0x{HEX}")), Ok(account));
        assert_eq!(show_account(&account), ALICE);
    }

    #[test]
    fn the_example_in_the_error_is_an_account() {
        assert_eq!(parse_account(EXAMPLE), Ok([0; 32]));
    }

    #[test]
    fn a_mistyped_address_and_one_of_another_chain_are_refused_by_what_they_are() {
        let polkadot = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5";
        let mistyped = ALICE.replace("5Grw", "5Grv");
        for text in [polkadot, &mistyped, "", "Alice", "0x12", &HEX[2..]] {
            let error = parse_account(text).unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }
}
