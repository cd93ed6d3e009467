import WeftNAT
import WeftCore
extension NATGateway { func explain(_ b: RawSpan, on: PortIndex, now: Instant) -> [String] { [] } }
