/// Numbers of the pcapng format (draft-ietf-opsawg-pcapng) and the limits we keep.
public enum Pcapng {
  /// The snaplen of every interface. libpcap refuses a file whose interfaces differ in it, so it's never the user's
  /// choice.
  public static let snapLength = 262_144
  /// Wireshark and libpcap refuse longer blocks (16 MiB); so does our reader.
  public static let maxBlockLength = 16 << 20

  static let byteOrderMagic: UInt32 = 0x1a2b_3c4d
  /// LINKTYPE_ETHERNET.
  static let linkType: UInt16 = 1

  /// Of `epb_flags` (section 4.3.1).
  static let inbound: UInt32 = 1
  static let outbound: UInt32 = 2

  /// Block type codes (section 11.1).
  enum BlockType {
    static let sectionHeader: UInt32 = 0x0a0d_0d0a
    static let interfaceDescription: UInt32 = 1
    static let nameResolution: UInt32 = 4
    static let interfaceStatistics: UInt32 = 5
    static let enhancedPacket: UInt32 = 6
  }

  /// Option codes; each block type has its own numbers from 2 on (sections 3.5, 4.1–4.6).
  enum Option {
    static let end: UInt16 = 0
    static let comment: UInt16 = 1
    static let sectionApplication: UInt16 = 4
    static let interfaceName: UInt16 = 2
    static let interfaceDescription: UInt16 = 3
    static let interfaceSpeed: UInt16 = 8
    static let interfaceResolution: UInt16 = 9
    static let interfaceTimeOffset: UInt16 = 14
    static let packetFlags: UInt16 = 2
    static let packetDropCount: UInt16 = 4
    static let packetID: UInt16 = 5
    static let statisticsStart: UInt16 = 2
    static let statisticsEnd: UInt16 = 3
    static let statisticsReceived: UInt16 = 4
    static let statisticsDropped: UInt16 = 5
  }

  /// Name resolution record types (section 4.5).
  enum NameRecord {
    static let end: UInt16 = 0
    static let ipv4: UInt16 = 1
  }
}
