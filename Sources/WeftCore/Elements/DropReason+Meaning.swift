extension DropReason {
  /// What a drop says about the way that it happened on.
  public enum Meaning: Sendable {
    /// A rule, a table or the absence of something: it would happen again.
    case decided
    /// Chance, load, or a time at which something wasn't ready: with the next packet it may be otherwise.
    case accident
    /// Whoever dropped it tells the sender (RST, ICMP error): what becomes of the answer says how it ends.
    case answered
  }

  public var meaning: Meaning {
    switch self {
    case .queueFull, .linkLoss, .linkDown, .linkRemoved, .rxRingFull, .txRingFull, .neighbourQueueFull, .receiveBufferFull,
      .fragmentTimeout, .fragmentLimit, .noAddress, .icmpRateLimit, .listenQueueFull, .badIPv4Checksum, .badICMPChecksum,
      .badUDPChecksum, .badTCPChecksum, .badTCPNumbers, .badSCTPChecksum,
      .badUDPLiteChecksum, .stormControl, .rateLimit, .backEndFull, .stpListening:
      .accident
    case .ttlExpired, .noRoute, .neighbourUnresolved, .unknownProtocol, .portClosed, .noSocket: .answered
    case .noLink, .machineStopped, .machineReverted, .machineMoved, .frameTooBig, .malformedEthernet, .malformedARP,
      .malformedIPv4,
      .badIPv4Options,
      .malformedICMP,
      .malformedUDP, .malformedTCP, .badTCPFlags, .unknownEtherType, .martianSource, .reservedMulticast,
      .sourceIsGroup, .hairpinPort, .noOtherPort, .notForUs, .fragmentOverlap, .fragmentationNeeded, .unexpectedICMP,
      .ipForwardingDisabled, .noPortForward, .noMapping, .filtered, .tableFull, .portsExhausted, .tcpInvalid,
      .fragmentUnsupported, .spoofedSource, .protocolUnsupported, .privateDestination, .hairpinDisabled, .tupleClash,
      .hostLimit, .martianDestination, .multicastNotForwarded, .malformedSCTP, .malformedUDPLite,
      .sctpInvalid, .dhcpNotForUs, .dhcpMalformed, .dhcpNoFreeAddress, .macSpoof, .macLimit, .ipSpoof, .arpSpoof,
      .rogueDHCP, .dhcpSpoof, .isolatedPort, .portShutDown, .stpBlocking, .malformedBPDU, .bpduGuard, .vlanFiltered, .mirrorPort,
      .driverDomainOff:
      .decided
    }
  }
}
