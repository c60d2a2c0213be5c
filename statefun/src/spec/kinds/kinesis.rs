//! `io.statefun.kinesis.v1/ingress` and `io.statefun.kinesis.v1/egress`: read in full, so that a module can be checked
//! and later run, although this release has no client for Kinesis.

use std::num::NonZeroU32;

use super::time::{Offers, event_time};
use super::{Declared, routes};
use crate::spec::read::{Faults, Field, Fields, Unknown};
use crate::spec::{
    AwsCredentials, AwsRegion, Egress, Ingress, KinesisClient, KinesisEgress, KinesisIngress, KinesisStartup,
};

const MAX_OUTSTANDING: NonZeroU32 = NonZeroU32::new(1000).expect("1000 is not zero");

pub(super) fn ingress(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    out.not_served(fields, "io.statefun.kinesis.v1/ingress");
    let declared_at = fields.location(out.faults);
    let id = out.ingress_id(fields);
    let client = client(fields, out.faults);
    let startup = match fields.optional("startupPosition") {
        Some(field) => startup_position(&field, out.faults),
        None => Some(KinesisStartup::Latest),
    };
    let streams = fields.required("streams").and_then(|field| routes(&field, "stream", Unknown::Warn, out.faults));
    let offers = Offers { record: true, field: true, header: false, bare: false, column: false };
    let event_time = event_time(fields, offers, out.faults);
    let (Some(id), Some(client), Some(startup_position), Some(streams)) = (id, client, startup, streams) else {
        return;
    };
    let ingress = KinesisIngress { id, client, startup_position, streams, event_time, declared_at };
    out.module.ingresses.push(Ingress::Kinesis(ingress));
}

pub(super) fn egress(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    out.not_served(fields, "io.statefun.kinesis.v1/egress");
    let declared_at = fields.location(out.faults);
    let id = out.egress_id(fields);
    let client = client(fields, out.faults);
    let outstanding =
        fields.optional("maxOutstandingRecords").and_then(|field| field.integer(1..=i32::MAX, out.faults));
    let (Some(id), Some(client)) = (id, client) else { return };
    let max_outstanding_records =
        outstanding.and_then(|number| NonZeroU32::new(number.unsigned_abs())).unwrap_or(MAX_OUTSTANDING);
    out.module.egresses.push(Egress::Kinesis(KinesisEgress { id, client, max_outstanding_records, declared_at }));
}

fn client(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<KinesisClient> {
    let region = match fields.optional("awsRegion") {
        Some(field) => region(&field, faults),
        None => Some(AwsRegion::Default),
    };
    let credentials = match fields.optional("awsCredentials") {
        Some(field) => credentials(&field, faults),
        None => Some(AwsCredentials::Default),
    };
    let properties =
        fields.optional("clientConfigProperties").map(|field| field.text_pairs(faults)).unwrap_or_default();
    let properties = properties.into_iter().map(|(name, value, _)| (name, value)).collect();
    Some(KinesisClient { region: region?, credentials: credentials?, properties })
}

fn region(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<AwsRegion> {
    let mut fields = field.fields(Unknown::Warn, faults)?;
    let words = [("default", 0), ("specific", 1), ("custom-endpoint", 2)];
    let kind = fields.required("type").and_then(|field| field.word(&words, faults));
    let region = match kind {
        Some(0) => Some(AwsRegion::Default),
        Some(1) => fields.required("id").and_then(|field| field.text(faults)).map(|id| AwsRegion::Specific { id }),
        Some(_) => {
            let endpoint = fields.required("endpoint").and_then(|field| field.text(faults));
            let id = fields.required("id").and_then(|field| field.text(faults));
            endpoint.zip(id).map(|(endpoint, id)| AwsRegion::CustomEndpoint { endpoint, id })
        }
        None => {
            fields.optional("id");
            fields.optional("endpoint");
            None
        }
    };
    fields.finish(faults);
    region
}

fn credentials(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<AwsCredentials> {
    let mut fields = field.fields(Unknown::Warn, faults)?;
    for name in ["id", "endpoint"] {
        fields.hint(name, "regions are read from `awsRegion`, although some documentation shows them here");
    }
    let words = [("default", 0), ("basic", 1), ("profile", 2)];
    let kind = fields.required("type").and_then(|field| field.word(&words, faults));
    let credentials = match kind {
        Some(0) => Some(AwsCredentials::Default),
        Some(1) => {
            let access = fields.required("accessKeyId").and_then(|field| field.text(faults));
            let secret = fields.required("secretAccessKey").and_then(|field| field.text(faults));
            let pair = access.zip(secret);
            pair.map(|(access_key_id, secret_access_key)| AwsCredentials::Basic { access_key_id, secret_access_key })
        }
        Some(_) => {
            let name = fields.required("profileName").and_then(|field| field.text(faults));
            let path = fields.optional("profilePath").and_then(|field| field.text(faults));
            name.map(|name| AwsCredentials::Profile { name, path })
        }
        None => {
            for name in ["accessKeyId", "secretAccessKey", "profileName", "profilePath"] {
                fields.optional(name);
            }
            None
        }
    };
    fields.finish(faults);
    credentials
}

fn startup_position(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<KinesisStartup> {
    let mut fields = field.fields(Unknown::Warn, faults)?;
    let words = [("latest", 0), ("earliest", 1), ("date", 2)];
    let kind = fields.required("type").and_then(|field| field.word(&words, faults));
    let position = match kind {
        Some(0) => Some(KinesisStartup::Latest),
        Some(1) => Some(KinesisStartup::Earliest),
        Some(_) => fields
            .required("date")
            .and_then(|field| field.date(faults))
            .map(|timestamp_ms| KinesisStartup::Date { timestamp_ms }),
        None => {
            fields.optional("date");
            None
        }
    };
    fields.finish(faults);
    position
}
