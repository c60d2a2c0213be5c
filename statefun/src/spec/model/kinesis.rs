//! What both Kinesis kinds share: region, credentials, client settings.

use std::fmt;

use serde::Serialize;

use super::Properties;

/// How AWS is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KinesisClient {
    /// Default: the chain of the AWS client.
    pub region: AwsRegion,
    /// Default: the chain of the AWS client.
    pub credentials: AwsCredentials,
    /// `clientConfigProperties` as written, later ones having replaced earlier ones of the same name.
    pub properties: Properties,
}

/// Which region, or which endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum AwsRegion {
    /// The chain of the AWS client.
    Default,
    /// A region by its id.
    Specific {
        /// Such as `us-west-1`.
        id: String,
    },
    /// An endpoint of one's own, for instance an emulator.
    CustomEndpoint {
        /// Its URL.
        endpoint: String,
        /// The region it claims to be.
        id: String,
    },
}

/// With which right.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum AwsCredentials {
    /// The chain of the AWS client.
    Default,
    /// A key pair.
    Basic {
        /// Public half.
        #[serde(rename = "accessKeyId")]
        access_key_id: String,
        /// Secret half; neither printed nor serialized.
        #[serde(skip)]
        secret_access_key: String,
    },
    /// A profile of the AWS configuration.
    Profile {
        /// Its name.
        name: String,
        /// The configuration file, if not the usual one.
        path: Option<String>,
    },
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("Default"),
            Self::Basic { access_key_id, .. } => {
                f.debug_struct("Basic").field("access_key_id", access_key_id).finish_non_exhaustive()
            }
            Self::Profile { name, path } => f.debug_struct("Profile").field("name", name).field("path", path).finish(),
        }
    }
}
