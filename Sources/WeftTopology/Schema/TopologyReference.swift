import WeftSettings

/// The reference of the topology file in Markdown, made from the tables that read it.
public enum TopologyReference {
  /// What is in docs/topology-file.md.
  public static func markdown(_ catalogue: Catalogue = .standard) -> String {
    var text = """
      # The topology file

      Every key, made from the tables that the reader uses (`TopologyReference.markdown()`); do not edit by hand.
      The file is YAML; anchors and merge keys (`<<`) work, and keys that begin with `x-` are the user's own.

      - Durations: \(units(Quantity.durations)), or 0.
      - Rates: \(units(Quantity.rates)).
      - Sizes: \(units(Quantity.sizes)), or a plain number of bytes.
      - Percentages: `1 %`, or the fraction 0.01.
      - Names: letters, digits, `-` and `_`, at most 32; one name stands for one thing in the whole file.
      - `node:port` may end in `/tcp` or `/udp`; without, it is tcp.

      Values come from `defaults`, then from the group, then from the node itself; the last one wins.

      """
    let tables = Tables(catalogue)
    for table in TopologySchema.tables(tables) {
      text += "\n" + section(table)
      if table.name == tables.expectation.keys.name { text += "\n" + judging }
      if table.name == QueueSettings.keys.keys.name { text += "\n" + cables }
    }
    return text
  }

  private static let judging = """
    ### How a check is judged

    1. A check tries from `at` on, each second (`open`: half a second) and 200 ms after a try that told nothing, until `within` is over; transfers, pages,
       `nat`, `punch` and `idle` one try after the other. `within: 0 s` is one try. A try waits `timeout`, or for the end of `within`.
    2. A try is *decided* if something in the lab decided it: an answer, a refusal, a rule, a table, an address that nobody has, a
       machine that is off, a cable that nobody plugs in again.
    3. It is *undecided* if chance or time ended it: loss (of ARP too), a full queue or ring, a cable that is out for a while, a
       machine that is paused or has no address yet, frames still on their way. It is tried again and counts for nothing, unless
       `reason` asks for just that (`reason: queue-full`).
    4. `open` and `delivered` hold with the first try that shows them.
    5. `refused`, `dropped`, `unreachable`, `blocked` and `slow` are watched for all of `within`: they hold if at least one try was decided so
       and none otherwise. So `is: X` and `is: Y` never both hold for one port that is X.
    6. `open` is what the program sees: its connection opens, its peer answers (from the very address and port that it asked), the
       whole page comes, whatever its `status`. A datagram that arrived and stayed without an answer is `delivered`.
    7. `slow`: answered, or data moved, but not finished in time. It is neither dropped nor blocked. It says what came
       of the tries: where packets are lost by chance, some tries may be slow and others open.
    8. `dropped`: thrown away on its way there or back, and nobody told the sender. No answer from a paused machine is undecided.
    9. `never-during` and `always-after` try at each `every`, whatever an earlier try waits for, and want every moment decided, or
       one beside it. A moment is judged by its first packet: what opens for one sent again was not open then.
    10. A round trip counts from the first packet's departure, ARP left out; where a packet was lost it is measured again.

    """

  private static let cables = """
    ### What a cable does

    - `rate` counts octets on the wire as Ethernet does (IEEE 802.3): a frame has 24 more there than in a capture (preamble, check
      sequence, gap), and 84 at least. 1 Gbit/s is 1.488 million of the smallest frames a second, and 949 Mbit/s of TCP.
    - `queue` is all that waits for the cable, the frame on the wire included; beyond it frames are dropped as `queue-full`. A VM's
      `rings: {tx: …}` hold as many more beside it, and then it is `tx-ring-full`.
    - A machine's TCP doesn't fill its own queue: a socket has a millisecond of what it sends on its way into the wire, two
      segments at least, and waits for the wire then (as Linux's TCP small queues). Datagrams don't wait.
    - `mtu` is one for both directions, and everybody on the link knows it: TCP's segments and datagrams' fragments are cut to it, a
      NAT answers what may not be cut with ICMP 3/4. A switch or bridge that gets a larger frame from elsewhere drops it as
      `frame-too-big` and tells nobody. An uplink, NIC or NAT without one has that of its segment or network.
    - Without `delay` and `rate` a cable takes no time: what goes over it happens at one moment. A moment ends with its ten-millionth
      frame or timer (10,000 more for each cable end and element), as a run does that has half a million frames under way at
      once: `run` and `test` say where, keep captures and report up to there, and exit with 3.

    """

  private static func units(_ units: [Quantity.Unit]) -> String {
    units.filter { $0.name != "μs" }.map { "`\($0.name)`" }.joined(separator: " ")
  }

  private static func section(_ table: Keys) -> String {
    var text = "## \(table.name)\n\n\(table.title).\n\n"
    if !table.exactlyOne.isEmpty {
      text += "Exactly one of \(table.exactlyOne.map { "`\($0)`" }.joined(separator: ", ")).\n\n"
    }
    text += "| key | value | meaning | default | example |\n|---|---|---|---|---|\n"
    for key in table.keys {
      let standard = key.isRequired ? "required" : key.standard ?? ""
      let cells = ["`\(key.name)`", words(key.shape), key.doc, standard, "`\(key.example)`"]
      text += "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
    }
    return text
  }

  private static func words(_ shape: Shape) -> String {
    switch shape {
    case .text(let scalar): words(scalar.kind)
    case .list(let element): "list of: \(words(element))"
    case .named(let element): "map of names to: \(words(element))"
    case .foreign(let words): words
    case .object(let table): "[\(table.name)](#\(table.name))"
    case .either(let shapes): shapes.map(words).joined(separator: " or ")
    }
  }

  private static func words(_ kind: ScalarKind) -> String {
    switch kind {
    case .integer(let range):
      range.upperBound == .max ? "a whole number" : "\(range.lowerBound)…\(range.upperBound)"
    case .port: "a port, 1…65535"
    default: kind.words
    }
  }
}
