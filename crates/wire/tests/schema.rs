//! Holds `schema/vesta.xml` and the Rust layouts together: what is in one is in the other, at the
//! same place, of the same size and with the same values.

mod samples;

use roxmltree::{Document, Node};
use samples::{CATALOGUES, Visitor};
use std::collections::{BTreeMap, BTreeSet};
use vesta_types::{
    AuctionKind, BandAction, CancelReason, CommandKind, HiddenPriority, IcebergRefresh, OrderType,
    PegReference, PostOnly, RejectReason, ReplaceShrink, SelfTrade, SelfTradeDecides, Side,
    StopTrigger, TimeInForce, TradingState,
};
use vesta_wire::client::DECIMAL_EXPONENT;
use vesta_wire::record::KillScopeKind;
use vesta_wire::{
    CommitLevel, Message, SCHEMA_ID, SCHEMA_VERSION, SbeHeader, client, decode, encode,
};

const SCHEMA: &str = include_str!("../../../schema/vesta.xml");
const SBE: &str = "http://fixprotocol.io/2016/sbe";

fn document() -> Document<'static> {
    Document::parse(SCHEMA).expect("the schema is XML")
}

fn attribute<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    node.attribute(name).unwrap_or_else(|| panic!("{node:?} has no {name}"))
}

fn number<T: std::str::FromStr>(node: Node, name: &str) -> T {
    let text = attribute(node, name);
    text.parse().unwrap_or_else(|_| panic!("{name}=\"{text}\" is not a number that fits"))
}

fn elements<'a, 'input>(node: Node<'a, 'input>) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(Node::is_element)
}

fn messages<'a, 'input>(doc: &'a Document<'input>) -> impl Iterator<Item = Node<'a, 'input>> {
    elements(doc.root_element()).filter(|node| node.has_tag_name((SBE, "message")))
}

/// The types of the schema by name. Every name is given once.
fn types<'a, 'input>(doc: &'a Document<'input>) -> BTreeMap<&'a str, Node<'a, 'input>> {
    let mut types = BTreeMap::new();
    for list in elements(doc.root_element()).filter(|node| node.has_tag_name("types")) {
        for node in elements(list) {
            let name = attribute(node, "name");
            assert!(types.insert(name, node).is_none(), "type {name} is there twice");
        }
    }
    types
}

fn primitive_size(name: &str) -> Option<usize> {
    match name {
        "char" | "int8" | "uint8" => Some(1),
        "int16" | "uint16" => Some(2),
        "int32" | "uint32" => Some(4),
        "int64" | "uint64" => Some(8),
        _ => None,
    }
}

/// Bytes that a value of `node` takes.
fn size(node: Node, types: &BTreeMap<&str, Node>) -> usize {
    let named = |name: &str| {
        primitive_size(name).unwrap_or_else(|| {
            size(*types.get(name).unwrap_or_else(|| panic!("no type {name}")), types)
        })
    };
    match node.tag_name().name() {
        "type" if node.attribute("presence") == Some("constant") => 0,
        "type" => {
            let length: usize = node.attribute("length").map_or(1, |_| number(node, "length"));
            named(attribute(node, "primitiveType")) * length
        }
        "composite" => elements(node).map(|member| size(member, types)).sum(),
        "ref" => named(attribute(node, "type")),
        "enum" | "set" => named(attribute(node, "encodingType")),
        other => panic!("<{other}> among the types"),
    }
}

fn snake_case(camel: &str) -> String {
    let mut snake = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() || letter.is_ascii_digit() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[test]
fn the_schema_names_itself_as_the_code_does() {
    let doc = document();
    let root = doc.root_element();
    assert!(root.has_tag_name((SBE, "messageSchema")));
    assert_eq!(attribute(root, "package"), "vesta");
    assert_eq!(number::<u16>(root, "id"), SCHEMA_ID);
    assert_eq!(number::<u16>(root, "version"), SCHEMA_VERSION);
    assert_eq!(attribute(root, "byteOrder"), "littleEndian");
    let types = types(&doc);
    let header = types[attribute(root, "headerType")];
    let fields: Vec<_> = elements(header).map(|node| attribute(node, "name")).collect();
    assert_eq!(fields, ["blockLength", "templateId", "schemaId", "version"]);
    assert_eq!(size(header, &types), SbeHeader::LEN);
}

#[test]
fn every_message_lies_as_the_schema_says() {
    let doc = document();
    let types = types(&doc);
    let mut schema = BTreeMap::new();
    let mut names = BTreeSet::new();
    for node in messages(&doc) {
        let (id, name) = (number::<u16>(node, "id"), attribute(node, "name"));
        assert!(schema.insert(id, node).is_none(), "template {id} is there twice");
        assert!(names.insert(name), "message {name} is there twice");
        assert!(node.has_attribute("description"), "{name} has no description");
    }
    let mut code = BTreeSet::new();
    for &(id, name, block_length, fields) in CATALOGUES.iter().copied().flatten() {
        assert!(code.insert(id), "template {id} ({name}) is there twice in the code");
        let node = schema.remove(&id).unwrap_or_else(|| panic!("{name} is not in the schema"));
        assert_eq!(attribute(node, "name"), name, "template {id}");
        assert_eq!(number::<u16>(node, "blockLength"), block_length, "{name}");
        let mut end = 0;
        let mut in_schema = Vec::new();
        for (index, field) in elements(node).enumerate() {
            assert!(field.has_tag_name("field"), "{name}: only fields, no groups and no data");
            assert_eq!(number::<usize>(field, "id"), index + 1, "{name}: ids count from 1");
            assert!(field.has_attribute("description"), "{name}: {field:?} says nothing");
            let ty = attribute(field, "type");
            assert!(primitive_size(ty).is_none(), "{name}: {ty} is not a type of ours");
            let ty = types.get(ty).unwrap_or_else(|| panic!("{name}: no type {ty}"));
            let offset: usize = number(field, "offset");
            assert_eq!(offset, end, "{name}: no holes and no overlaps");
            end = offset + size(*ty, &types);
            in_schema.push((snake_case(attribute(field, "name")), offset, end - offset));
        }
        let in_code: Vec<_> =
            fields.iter().map(|f| (f.name.to_string(), f.offset, f.size)).collect();
        assert_eq!(in_schema, in_code, "{name}");
        assert_eq!(end, usize::from(block_length), "{name}: the fields fill the block");
    }
    let left: Vec<_> = schema.values().map(|node| attribute(*node, "name")).collect();
    assert!(left.is_empty(), "only in the schema: {left:?}");
}

/// The members of an enum or set, by value.
fn members<'a>(node: Node<'a, '_>) -> BTreeMap<u16, &'a str> {
    let mut members = BTreeMap::new();
    for member in elements(node) {
        let value = member.text().and_then(|text| text.trim().parse().ok());
        let value = value.unwrap_or_else(|| panic!("{member:?} has no value"));
        let name = attribute(member, "name");
        assert!(members.insert(value, name).is_none(), "{node:?}: {value} is there twice");
    }
    members
}

/// Every value that `from_wire` names, with its variant's name.
fn variants<T: std::fmt::Debug>(from_wire: impl Fn(u16) -> Option<T>) -> BTreeMap<u16, String> {
    (0..=u16::MAX).filter_map(|value| Some((value, format!("{:?}", from_wire(value)?)))).collect()
}

fn byte<T>(from_wire: impl Fn(u8) -> Option<T>) -> impl Fn(u16) -> Option<T> {
    move |value| from_wire(u8::try_from(value).ok()?)
}

#[test]
fn every_enum_has_the_same_members() {
    let doc = document();
    let types = types(&doc);
    let mut code = BTreeMap::from([
        ("Side", variants(byte(Side::from_wire))),
        ("OrderType", variants(byte(OrderType::from_wire))),
        ("TimeInForce", variants(byte(TimeInForce::from_wire))),
        ("CommandKind", variants(byte(CommandKind::from_wire))),
        ("PostOnly", variants(byte(PostOnly::from_wire))),
        ("SelfTrade", variants(byte(SelfTrade::from_wire))),
        ("SelfTradeDecides", variants(byte(SelfTradeDecides::from_wire))),
        ("PegReference", variants(byte(PegReference::from_wire))),
        ("TradingState", variants(byte(TradingState::from_wire))),
        ("AuctionKind", variants(byte(AuctionKind::from_wire))),
        ("BandAction", variants(byte(BandAction::from_wire))),
        ("HiddenPriority", variants(byte(HiddenPriority::from_wire))),
        ("ReplaceShrink", variants(byte(ReplaceShrink::from_wire))),
        ("StopTrigger", variants(byte(StopTrigger::from_wire))),
        ("IcebergRefresh", variants(byte(IcebergRefresh::from_wire))),
        ("KillScopeKind", variants(byte(KillScopeKind::from_wire))),
        ("CommitLevel", variants(byte(CommitLevel::from_wire))),
        ("CancelReason", variants(byte(CancelReason::from_wire))),
        ("RejectReason", variants(RejectReason::from_wire)),
        ("Boolean", BTreeMap::from([(0, "False".to_string()), (1, "True".to_string())])),
    ]);
    assert_eq!(code["RejectReason"].len(), RejectReason::ALL.len());
    assert_eq!(code["CancelReason"].len(), CancelReason::ALL.len());
    for (name, node) in types.iter().filter(|(_, node)| node.has_tag_name("enum")) {
        let variants = code.remove(name).unwrap_or_else(|| panic!("no enum {name} in the code"));
        let variants: BTreeMap<_, _> = variants.iter().map(|(&v, n)| (v, n.as_str())).collect();
        assert_eq!(members(*node), variants, "{name}");
    }
    assert!(code.is_empty(), "only in the code: {:?}", code.keys());
}

#[test]
fn the_constants_of_types_are_the_codes() {
    let doc = document();
    let types = types(&doc);
    let flags = members(types["OrderFlags"]);
    assert_eq!(flags, BTreeMap::from([(0, "Hidden"), (1, "AllOrNone")]), "bits by number");
    assert_eq!((client::FLAG_HIDDEN, client::FLAG_ALL_OR_NONE), (1 << 0, 1 << 1));
    let exponent = elements(types["DecimalMantissa8"])
        .find(|node| attribute(*node, "name") == "exponent")
        .and_then(|node| node.text());
    assert_eq!(exponent, Some(DECIMAL_EXPONENT.to_string().as_str()));
}

#[test]
fn the_shared_composites_lie_as_the_structs_do() {
    use core::mem::offset_of;
    use vesta_wire::client::Origin;
    use vesta_wire::event::{EventStamp, FillParty};
    use vesta_wire::record::{KillTarget, Stamp};
    use vesta_wire::{Decimal, Rules, TickStep};
    macro_rules! layout {
        ($ty:ident: $($field:ident)*) => {
            (stringify!($ty), vec![$((stringify!($field), offset_of!($ty, $field))),*])
        };
    }
    let doc = document();
    let types = types(&doc);
    for (name, in_code) in [
        layout!(Origin: client_seq session session_epoch),
        layout!(Stamp: seq time_ns epoch gateway),
        layout!(EventStamp: event_seq seq time_ns),
        layout!(FillParty: order_id client_order_id leaves displayed session gateway),
        layout!(Decimal: mantissa exponent),
        layout!(KillTarget: id kind),
        layout!(TickStep: from ticks),
        layout!(Rules: price_max qty_max notional_max reference_price static_band_ticks
            dynamic_band_ticks market_protection_ticks tick_step_1 tick_step_2 tick_step_3
            tick_step_4 stop_cascade_max dynamic_band_action self_trade self_trade_decides
            hidden_priority replace_shrink initial_state stop_trigger iceberg_refresh
            match_count_max),
    ] {
        let mut end = 0;
        let mut in_schema = Vec::new();
        for member in elements(types[name]) {
            in_schema.push((snake_case(attribute(member, "name")), end));
            end += size(member, &types);
        }
        let in_code: Vec<_> = in_code.into_iter().map(|(n, at)| (n.to_string(), at)).collect();
        assert_eq!(in_schema, in_code, "{name}");
    }
}

/// Tries every value of every enumerated field: the gate lets by what the schema names.
struct Gate<'a> {
    doc: &'a Document<'static>,
    fields: usize,
}

impl Visitor for Gate<'_> {
    fn visit<M: Message + PartialEq>(&mut self, sample: &M) {
        let types = types(self.doc);
        let mut bytes = vec![0; M::LEN];
        encode(sample, &mut bytes);
        let message = messages(self.doc).find(|node| attribute(*node, "name") == M::NAME);
        for field in elements(message.expect("in the schema, as another test says")) {
            let ty = types[attribute(field, "type")];
            let reserved = attribute(field, "name") == "reserved";
            let mut good: BTreeSet<u16> = match ty.tag_name().name() {
                "enum" => members(ty).into_keys().collect(),
                // Every sum of bits that have a name.
                "set" => members(ty).into_keys().fold(BTreeSet::from([0]), |sums, bit| {
                    sums.iter().flat_map(|sum| [*sum, sum | 1 << bit]).collect()
                }),
                "type" if reserved => BTreeSet::from([0]),
                _ => continue,
            };
            if field.attribute("presence") == Some("optional") {
                good.insert(0);
            }
            self.fields += 1;
            let at = SbeHeader::LEN + number::<usize>(field, "offset");
            let width = if reserved { 1 } else { size(ty, &types) };
            for value in 0..=u16::MAX >> (8 * (2 - width)) {
                let mut changed = bytes.clone();
                changed[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
                let name = attribute(field, "name");
                let passes = decode::<M>(&changed).is_ok();
                assert_eq!(passes, good.contains(&value), "{}.{name} = {value}", M::NAME);
            }
        }
    }
}

#[test]
fn the_gate_lets_by_what_the_schema_names() {
    let doc = document();
    let mut gate = Gate { doc: &doc, fields: 0 };
    samples::each(&mut gate);
    assert!(gate.fields > 120, "only {} fields tried", gate.fields);
}
