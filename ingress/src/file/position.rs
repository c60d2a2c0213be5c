use std::fmt;

/// Where reading goes on in a file.
///
/// Text form: `<byte>;line=<lines before it>;file=<inode>`. The inode tells whether the path still names the file that was
/// read; it is compared for followed files only, because a copied file is still the same input when read once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct FilePosition {
    /// The byte behind the last line read.
    pub(super) byte: u64,
    /// How many lines are before it.
    pub(super) line: u64,
    /// Which file.
    pub(super) inode: Option<u64>,
}

impl FilePosition {
    /// Parses the text form; the byte alone will do.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(';');
        let mut position = Self { byte: fields.next()?.parse().ok()?, line: 0, inode: None };
        for field in fields {
            match field.split_once('=')? {
                ("line", line) => position.line = line.parse().ok()?,
                ("file", inode) => position.inode = Some(inode.parse().ok()?),
                _ => return None,
            }
        }
        Some(position)
    }
}

impl fmt::Display for FilePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};line={}", self.byte, self.line)?;
        match self.inode {
            Some(inode) => write!(f, ";file={inode}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_as_it_was_written() {
        for inode in [None, Some(4711)] {
            let position = FilePosition { byte: 120, line: 7, inode };
            assert_eq!(FilePosition::parse(&position.to_string()), Some(position));
        }
    }

    #[test]
    fn a_byte_alone_is_a_position_and_garbage_is_none() {
        assert_eq!(FilePosition::parse("12"), Some(FilePosition { byte: 12, line: 0, inode: None }));
        for text in ["", "x", "12;", "12;line", "12;line=x", "12;colour=red"] {
            assert_eq!(FilePosition::parse(text), None, "{text:?}");
        }
    }
}
