/// Why a guest left its cpu to the hypervisor. The walk of each card is in `NICWalk`.
public enum ExitReason: String, Sendable, Codable, CaseIterable {
  /// virtio: there is something in the transmit ring.
  case kick
  /// An interrupt is put in.
  case interrupt
  /// It was handled.
  case eoi
  /// e1000: the transmit ring's tail was written.
  case txDoorbell = "tx-doorbell"
  /// e1000: why was I interrupted?
  case icrRead = "icr-read"
  /// e1000: no interrupts while the ring is read.
  case imcWrite = "imc-write"
  /// e1000: interrupts again.
  case imsWrite = "ims-write"
  /// e1000: the receive ring has places again.
  case rxRefill = "rx-refill"
  /// What only a kernel may do, in one that doesn't know that it is a guest: two an interrupt (`cli`, `iret`).
  case privileged
}
