//! Golden bytes: what version 1 put on the wire, as hexadecimal. Every later version must decode them to the same
//! values, or gateways in the field stop working. Encoders must also still produce them: a difference that is meant
//! (a field added to a sample) gets a new line beside the old one, never instead of it.

use crate::codec::{
    Batch, BatchDecoder, BatchEncoder, decode_answer, decode_ask, decode_down, decode_fragment, decode_join,
    decode_joined, decode_record, decode_up, encode_answer, encode_ask, encode_down, encode_fragment, encode_join,
    encode_joined, encode_record, encode_up,
};
use crate::event::Record;
use crate::pb::{self, up};
use crate::{VERSION, picture, samples};

const RECORD: &str = "\
     0880d095ffbc3118c0c480c1c1c48203202a2a0d08011209676174652d656173742a0e0802120a6c696e655f63\
     726f73732a0c080312086d69645f6c696e652a100804120c3031323334353637383961622a0a08051206615f74\
     6f5f622a07080612036361722a090807120573706565642a0708081203312f732a08080912046e6f7465323608\
     01120a796f6c6f782d6e616e6f1a20abababababababababababababababababababababababababababababab\
     abab20a00328a0033a6f1210019000000000700080000000000000012001280238014003480460286805721508\
     11100618ee05220c80800180800280c001ffbf027a0680a001ffbf02820104800fb8088a011608071100000000\
     0000e03f199a9999999999b93f20089001019a010a08091206e4b89ce997a8";
const BATCHES: [&str; 2] = [
    "\
     080718c0c480c1c1c4820320052a0d08011209676174652d656173742a0e0802120a6c696e655f63726f73732a\
     0c080312086d69645f6c696e652a100804120c3031323334353637383961622a0a08051206615f746f5f622a07\
     080612036361722a090807120573706565642a0708081203312f732a08080912046e6f74652a0d080a12096761\
     74652d776573742a16080b121263616d6572612e7369676e616c5f6c6f73742a09080c120563617573652a0e08\
     0d120a63617573655f7465787432360801120a796f6c6f782d6e616e6f1a20abababababababababababababab\
     abababababababababababababababababab20a00328a0033a6f12100190000000007000800000000000000120\
     0128023801400348046028680572150811100618ee05220c80800180800280c001ffbf027a0680a001ffbf0282\
     0104800fb8088a0116080711000000000000e03f199a9999999999b93f20089001019a010a08091206e4b89ce9\
     97a83a5d08011210019000000000700080000000000000021a1001900000000070008000000000000003200a28\
     0b30023802480450ff880f58039a010b080c12077374616c6c65649a0116080d12126e6f207069637475726520\
     666f7220332073",
    "\
     0807100118c0c480c1c1c4820320053a6f12100190000000007000800000000000000120012802380140034804\
     6028680572150811100618ee05220c80800180800280c001ffbf027a0680a001ffbf02820104800fb8088a0116\
     080711000000000000e03f199a9999999999b93f20089001019a010a08091206e4b89ce997a83a5d0801121001\
     9000000000700080000000000000021a1001900000000070008000000000000003200a280b30023802480450ff\
     880f58039a010b080c12077374616c6c65649a0116080d12126e6f207069637475726520666f7220332073",
];
const UP: [&str; 4] = [
    "\
     0aa60108011214796977616e672d6761746577617920302e312e301880d095ffbc31208080f9c0c1c482032a0c\
     303132333435363738396162322e0a09676174652d656173741206e4b89ce997a819992a1895d4095e40219a99\
     999999493e402900000000008056403a300a0a6c696e655f63726f73731206e8b68ae7babf1a0c4c696e652063\
     726f7373656420012a0863726f7373696e673001420cffcf95ffbc3180d095ffbc31",
    "\
     12380807102a1a230a09676174652d6561737410c08db7011a1108c0843d1080897a1a077374616c6c656420e0\
     9abd012a080807120408031004",
    "\
     1a5f08c08db70112510a09676174652d656173741204646f776e1a077265667573656422217468652063616d65\
     726120726566757365732074686520636f6e6e656374696f6e28c0843d350000904038fdffffffffffffffff01\
     180520e8072801",
    "22050a03300102",
];
const DOWN: [&str; 4] = [
    "\
     0a3308011210796977616e672d68756220302e312e30188080f9c0c1c48203220e08071204080110091204080c\
     100c220208082801",
    "12190a0e08071204080110091204080c100c0a02080810e09abd01",
    "1a1d0a1b2d2d2d2d2d424547494e2043455254494649434154452d2d2d2d2d",
    "220b080512077265766f6b6564",
];
const JOIN: &str = "\
     0a1641414543417751464267634943516f4c4441304f44771203300102188080f9c0c1c482032204656173742a\
     14796977616e672d6761746577617920302e312e30";
const JOINED: [&str; 2] = [
    "\
     0a0467772d311206706f6c6963651a1b2d2d2d2d2d424547494e2043455254494649434154452d2d2d2d2d2080\
     80f9c0c1c48203",
    "20052a1274686520746f6b656e207761732075736564",
];

const ASKS: [&str; 3] = [
    "0a09676174652d65617374120308800a",
    "0a09676174652d656173741a020807",
    "0a09676174652d656173742212088080f9c0c1c482031080b6d5c6c1c48203",
];
const ANSWERS: [&str; 4] = [
    "0a100802120c7377697463686564206f6666",
    "122308c0c480c1c1c4820310c09a85c1c1c4820318800a20d00528013207ffd8ffe000ffd9",
    "1a00",
    "\
     22590880c0c3c0c1c482031080b6d5c6c1c482031880dabdcac1c4820320c0843d2a20abababababababababab\
     abababababababababababababababababababababab320b617663312e36343030316638800a40d00548c20250\
     0c",
];
const FRAGMENT: &str = "\
     08c0c480c1c1c4820310c09a85c1c1c482031801220b617663312e3634303031662a0966747970206d6f6f7632\
     096d6f6f66206d646174";
/// A hello of a gateway that sends stills.
const HELLO_WITH_PICTURES: &str = "0a06080118074801";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn records_of_version_1() {
    let record = Record { epoch: 1_700_000_000_000, sequence: 42, event: samples::crossing() };
    assert_eq!(hex(&encode_record(&record)), RECORD);
    let back = decode_record(&unhex(RECORD)).unwrap();
    assert_eq!((back.epoch, back.sequence, &back.event.kind), (record.epoch, 42, &record.event.kind));
    assert_eq!((&back.event.model, &back.event.measures), (&record.event.model, &record.event.measures));
    assert_eq!(encode_record(&back), unhex(RECORD));
}

#[test]
fn batches_of_version_1_with_names_sent_once() {
    let (mut encoder, mut decoder) = (BatchEncoder::new(), BatchDecoder::new());
    let events = [samples::crossing(), samples::signal_back()];
    for (golden, backfill) in BATCHES.into_iter().zip([false, true]) {
        let records: Vec<Record> = (5u64..)
            .zip(&events)
            .map(|(sequence, event)| Record { epoch: 7, sequence, event: event.clone() })
            .collect();
        assert_eq!(hex(&encoder.encode(7, backfill, &records).0), golden);
        let Batch { epoch, backfill: back, records: got } = decoder.decode(&unhex(golden)).unwrap();
        assert_eq!((epoch, back, got.len()), (7, backfill, 2));
        assert_eq!(got[1], records[1], "an event without fractions comes back whole");
    }
}

#[test]
fn control_messages_of_version_1() {
    for (message, golden) in samples::up_messages().into_iter().zip(UP) {
        assert_eq!(hex(&encode_up(message.clone())), golden);
        assert_eq!(decode_up(&unhex(golden)).unwrap(), Some(message));
    }
    for (message, golden) in samples::down_messages().into_iter().zip(DOWN) {
        assert_eq!(hex(&encode_down(message.clone())), golden);
        assert_eq!(decode_down(&unhex(golden)).unwrap(), Some(message));
    }
}

#[test]
fn joining_messages_of_version_1() {
    assert_eq!(hex(&encode_join(&samples::join())), JOIN);
    assert_eq!(decode_join(&unhex(JOIN)).unwrap(), samples::join());
    for (joined, golden) in samples::joined().into_iter().zip(JOINED) {
        assert_eq!(hex(&encode_joined(&joined)), golden);
        assert_eq!(decode_joined(&unhex(golden)).unwrap(), joined);
    }
}

#[test]
fn picture_messages_of_version_1() {
    for (ask, golden) in samples::asks().into_iter().zip(ASKS) {
        assert_eq!(hex(&encode_ask(&ask)), golden);
        assert_eq!(decode_ask(&unhex(golden)).unwrap(), ask);
    }
    for (answer, golden) in samples::answers().into_iter().zip(ANSWERS) {
        assert_eq!(hex(&encode_answer(answer.clone())), golden);
        assert_eq!(decode_answer(&unhex(golden)).unwrap(), Some(answer));
    }
    assert_eq!(hex(&encode_fragment(&samples::fragment())), FRAGMENT);
    assert_eq!(decode_fragment(&unhex(FRAGMENT)).unwrap(), samples::fragment());
    assert_eq!(hex(&encode_up(hello_with_pictures())), HELLO_WITH_PICTURES);
    assert_eq!(decode_up(&unhex(HELLO_WITH_PICTURES)).unwrap(), Some(hello_with_pictures()));
}

fn hello_with_pictures() -> up::Message {
    let hello = pb::Hello { version: VERSION, epoch: 7, pictures: picture::STILLS, ..pb::Hello::default() };
    up::Message::Hello(hello)
}

/// Prints the constants of this file; run it only when a sample was added.
#[test]
#[ignore = "prints golden bytes"]
#[allow(clippy::print_stdout, reason = "its purpose")]
fn print_golden_bytes() {
    let record = Record { epoch: 1_700_000_000_000, sequence: 42, event: samples::crossing() };
    println!("RECORD {}", hex(&encode_record(&record)));
    let mut encoder = BatchEncoder::new();
    let events = [samples::crossing(), samples::signal_back()];
    for backfill in [false, true] {
        let records: Vec<Record> = (5u64..)
            .zip(&events)
            .map(|(sequence, event)| Record { epoch: 7, sequence, event: event.clone() })
            .collect();
        println!("BATCHES {}", hex(&encoder.encode(7, backfill, &records).0));
    }
    samples::up_messages().into_iter().for_each(|message| println!("UP {}", hex(&encode_up(message))));
    samples::down_messages().into_iter().for_each(|message| println!("DOWN {}", hex(&encode_down(message))));
    samples::asks().iter().for_each(|ask| println!("ASKS {}", hex(&encode_ask(ask))));
    samples::answers().into_iter().for_each(|answer| println!("ANSWERS {}", hex(&encode_answer(answer))));
    println!("HELLO_WITH_PICTURES {}", hex(&encode_up(hello_with_pictures())));
    println!("JOIN {}", hex(&encode_join(&samples::join())));
    samples::joined().iter().for_each(|joined| println!("JOINED {}", hex(&encode_joined(joined))));
}
