//! What a row event and the event that describes its table say of the rows as a whole, without reading them: whether every
//! column is there, and whether the columns are named.

use mysql::binlog::EventType;
use mysql::binlog::events::{OptionalMetadataField, TableMapEvent};
use std::io;

/// How a row event is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Whether more data of its own length stands behind the flags.
    extra: bool,
    /// How many images of each row must be whole: an update has two, before and after. The daemon deletes by the key, which is
    /// in every image (seen).
    images: usize,
}

impl Layout {
    /// Of events whose rows are neither partial nor compressed.
    pub(super) fn of(event: EventType) -> Option<Self> {
        let layout = |extra, images| Some(Self { extra, images });
        match event {
            EventType::PRE_GA_WRITE_ROWS_EVENT | EventType::WRITE_ROWS_EVENT_V1 => layout(false, 1),
            EventType::PRE_GA_DELETE_ROWS_EVENT | EventType::DELETE_ROWS_EVENT_V1 => layout(false, 0),
            EventType::PRE_GA_UPDATE_ROWS_EVENT | EventType::UPDATE_ROWS_EVENT_V1 => layout(false, 2),
            EventType::WRITE_ROWS_EVENT => layout(true, 1),
            EventType::DELETE_ROWS_EVENT => layout(true, 0),
            EventType::UPDATE_ROWS_EVENT => layout(true, 2),
            _ => None,
        }
    }
}

/// The bytes of a table's number.
const TABLE_ID: usize = 6;
/// The bytes of the flags behind it.
const FLAGS: usize = 2;

/// The number of the table at the beginning of a row event.
pub(super) fn table_id(data: &[u8]) -> io::Result<u64> {
    let Some(bytes) = data.first_chunk::<TABLE_ID>() else { return Err(too_short()) };
    let mut id = [0; 8];
    id[..TABLE_ID].copy_from_slice(bytes);
    Ok(u64::from_le_bytes(id))
}

/// Whether every image of a row has every column.
pub(super) fn are_whole(layout: Layout, data: &[u8]) -> io::Result<bool> {
    let mut rest = data.get(TABLE_ID + FLAGS..).ok_or_else(too_short)?;
    if layout.extra {
        let length = rest.first_chunk::<2>().map(|bytes| usize::from(u16::from_le_bytes(*bytes)));
        rest = length.and_then(|length| rest.get(length..)).ok_or_else(too_short)?;
    }
    let columns = packed_number(&mut rest)?;
    let bytes = columns.div_ceil(8);
    for _ in 0..layout.images {
        let (present, behind) = rest.split_at_checked(bytes).ok_or_else(too_short)?;
        if !all_set(present, columns) {
            return Ok(false);
        }
        rest = behind;
    }
    Ok(true)
}

fn all_set(bits: &[u8], count: usize) -> bool {
    let last = 0xff_u8.checked_shr((8 - count % 8) as u32 % 8).unwrap_or(0xff);
    match bits.split_last() {
        Some((end, whole)) => whole.iter().all(|byte| *byte == 0xff) && end & last == last,
        None => true,
    }
}

/// MySQL's length-encoded integer; no table has so many columns that the longer forms are needed.
fn packed_number(rest: &mut &[u8]) -> io::Result<usize> {
    let (number, length) = match **rest {
        [short @ ..=250, ..] => (usize::from(short), 1),
        [252, low, high, ..] => (usize::from(u16::from_le_bytes([low, high])), 3),
        _ => return Err(too_short()),
    };
    *rest = &rest[length..];
    Ok(number)
}

/// Whether the columns of a table are named.
pub(super) fn names_columns(map: &TableMapEvent<'_>) -> io::Result<bool> {
    for field in map.iter_optional_meta() {
        if matches!(field?, OptionalMetadataField::ColumnName(_)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn too_short() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(extra: bool, columns: &[u8], bitmaps: &[u8]) -> Vec<u8> {
        let mut data = vec![7, 0, 0, 0, 0, 0, 1, 0];
        if extra {
            data.extend([4, 0, 9, 9]);
        }
        data.extend(columns);
        data.extend(bitmaps);
        data
    }

    #[test]
    fn a_column_that_is_absent_is_seen_in_either_image() {
        let insert = Layout::of(EventType::WRITE_ROWS_EVENT).unwrap();
        let update = Layout::of(EventType::UPDATE_ROWS_EVENT_V1).unwrap();
        let whole = |layout, data: &[u8]| are_whole(layout, data).unwrap();
        for (count, full, gap) in [
            (1, vec![0x01], vec![0x00]),
            (7, vec![0x7f], vec![0x3f]),
            (8, vec![0xff], vec![0x7f]),
            (9, vec![0xff, 0x01], vec![0xff, 0x00]),
            (17, vec![0xff, 0xff, 0xff], vec![0xfe, 0xff, 0xff]),
        ] {
            assert!(whole(insert, &event(true, &[count], &full)), "{count}");
            assert!(!whole(insert, &event(true, &[count], &gap)), "{count}");
            assert!(whole(update, &event(false, &[count], &[&full[..], &full].concat())), "{count}");
            assert!(!whole(update, &event(false, &[count], &[&gap[..], &full].concat())), "{count}");
            assert!(!whole(update, &event(false, &[count], &[&full[..], &gap].concat())), "{count}");
        }
        let delete = Layout::of(EventType::DELETE_ROWS_EVENT).unwrap();
        assert!(whole(delete, &event(true, &[7], &[0x01])), "its key is there");
        let many = [&[252, 0x2c, 0x01][..]].concat();
        assert!(whole(insert, &event(true, &many, &[0xff; 38])));
        assert!(are_whole(insert, &event(true, &[9], &[0xff])).is_err(), "cut off");
        assert!(are_whole(insert, &[1, 2]).is_err(), "cut off");
    }
}
