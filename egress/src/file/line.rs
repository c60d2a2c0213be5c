//! From records to lines.

use serde_json::Value;
use statefun::EgressRecord;

use super::Format;
use crate::render;

/// The line that begins a file of this format, if one does.
pub(super) fn header(format: &Format) -> Option<String> {
    match format {
        Format::Csv { columns } => Some(csv_row(columns.iter().map(String::as_str))),
        Format::Jsonl | Format::Text => None,
    }
}

/// A record's line with its line end; an error says why it has none.
pub(super) fn line(format: &Format, record: &EgressRecord) -> Result<String, String> {
    match format {
        Format::Jsonl => Ok(format!("{}\n", render::json(record))),
        Format::Text => Ok(format!("{}\n", render::text_line(record))),
        Format::Csv { columns } => match render::json(record) {
            Value::Object(object) => {
                let cells: Vec<String> = columns.iter().map(|column| cell(object.get(column))).collect();
                Ok(csv_row(cells.iter().map(String::as_str)))
            }
            other => Err(format!("a CSV row needs a JSON object, this is {other}")),
        },
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn csv_row<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(cells).expect("writing to memory does not fail");
    let row = writer.into_inner().expect("writing to memory does not fail");
    String::from_utf8(row).expect("the cells were text")
}
