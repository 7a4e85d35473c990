//! What is wrong with a configuration, so that its owner can put it right.

/// Why there is no configuration. The text names the file, the key, its value, the rule that it
/// breaks, and the fix.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error(
        "{file}: can not be read: {cause}; name a readable file with --config, or none for the built-in default"
    )]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file is not TOML, a key is unknown, or a value is of the wrong kind.
    #[error("{file}: {cause}")]
    Malformed {
        /// The file.
        file: String,
        /// The line, what is wrong with it, and what is admitted there.
        cause: String,
    },
    /// A value breaks a rule, alone or together with another.
    #[error("{file}: {key} = {value}: {rule}; {fix}")]
    Rule {
        /// The file.
        file: String,
        /// The key, with its table: `transport.mtu_bytes`, `instrument[2].symbol`.
        key: String,
        /// Its value.
        value: String,
        /// What must hold, and why.
        rule: String,
        /// What to change.
        fix: String,
    },
}

/// A broken rule, before the file is known.
#[derive(Debug)]
pub struct Broken {
    pub key: String,
    pub value: String,
    pub rule: String,
    pub fix: String,
}

impl Broken {
    /// Names the key, its value, the rule and the fix.
    pub fn new(
        key: impl Into<String>,
        value: impl ToString,
        rule: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { key: key.into(), value: value.to_string(), rule: rule.into(), fix: fix.into() }
    }

    /// The error for a user of `file`.
    pub fn of(self, file: &str) -> ConfigError {
        ConfigError::Rule {
            file: file.to_owned(),
            key: self.key,
            value: self.value,
            rule: self.rule,
            fix: self.fix,
        }
    }
}
