//! Who may ask what: bearer tokens, of which only the hashes are known here.
//!
//! A token is a long random text made by a machine, so one SHA-256 is enough; a slow hash, which protects passwords
//! that people make up, would cost milliseconds of every request.

use std::fmt;
use std::str::FromStr;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::ServeConfig;
use super::error::ApiError;
use super::route::Access;

/// The SHA-256 of a token.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

/// A text that is no SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 is 64 hexadecimal digits")]
pub struct NoHash;

impl TokenHash {
    /// The hash of a token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(hidden)")
    }
}

impl FromStr for TokenHash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        let nibble = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
        let mut hash = [0; 32];
        if digits.len() != 2 * hash.len() {
            return Err(NoHash);
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let (Some(high), Some(low)) = (nibble(pair[0]), nibble(pair[1])) else { return Err(NoHash) };
            *byte = high << 4 | low;
        }
        Ok(Self(hash))
    }
}

/// Lets a request in, or says why not.
pub(super) fn admit(config: &ServeConfig, access: Access, headers: &HeaderMap) -> Result<(), ApiError> {
    let known = match access {
        Access::Open => return Ok(()),
        Access::Administration if !config.administration_tokens.is_empty() => &config.administration_tokens,
        Access::Inference | Access::Administration => &config.inference_tokens,
    };
    if known.is_empty() {
        return Ok(());
    }
    let Some(token) = bearer(headers) else {
        return Err(ApiError::unauthorized("a token is needed: Authorization: Bearer TOKEN"));
    };
    let given = Sha256::digest(token);
    // Every hash is compared, to its end: how long it takes tells nothing.
    let fits = known.iter().fold(subtle::Choice::from(0), |fits, TokenHash(hash)| fits | hash.ct_eq(&given));
    if bool::from(fits) { Ok(()) } else { Err(ApiError::unauthorized("the token is not one that may do this")) }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii()).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_from_hexadecimal_and_never_shown() {
        // `printf %s secret | sha256sum`
        let text = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        assert_eq!(text.parse(), Ok(TokenHash::of("secret")));
        assert_eq!(format!("sha256:{}", text.to_uppercase()).parse(), Ok(TokenHash::of("secret")));
        for wrong in ["", "secret", &text[1..], &text.replace('2', "g"), &"é".repeat(32)] {
            assert_eq!(wrong.parse::<TokenHash>(), Err(NoHash), "{wrong}");
        }
        assert_eq!(format!("{:?}", TokenHash::of("secret")), "TokenHash(hidden)");
    }
}
