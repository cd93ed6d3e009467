/// The captures of one run: a writer per port, and files that appear whole at the end or not at all.
///
/// Until `finish`, everything is in memory and in hidden files `.NAME.partial-PID.N` of the directory; then they get
/// their names, replacing those of an earlier run. A failure (disk full, …) sticks: staging becomes a no-op, `failure`
/// tells, `finish` throws, and nothing remains.
///
/// Ports of different files may be used from different threads at once; everything else by one thread alone.
public final class CaptureSet: @unchecked Sendable {
  /// 2026-01-01T00:00:00Z, the time at which virtual time starts unless told otherwise: recent, and always the same.
  public static let defaultEpoch: UInt64 = 1_767_225_600_000_000_000

  public let format: CaptureFormat
  public let layout: CaptureLayout
  public let epoch: UInt64
  public let snaplen: Int
  let metadata: CaptureMetadata
  let filter: CaptureFilter?
  let store: CaptureStore
  let classic: PcapEncoder?

  struct Port {
    var port: CapturePort
    var file: Int
    var interface: UInt32
    var counts = CaptureCounts()
  }

  // Arrays of raw memory: `CaptureFile` can't be copied, and threads write neighbours, which an Array's exclusivity
  // forbids.
  var files: UnsafeMutablePointer<CaptureFile>
  var ports: UnsafeMutablePointer<Port>
  private(set) var fileCount = 0
  /// Ports added so far.
  public private(set) var portCount = 0
  private var fileCapacity = 0
  private var portCapacity = 0
  private var names = CaptureFileNames()
  var isOpen = true

  /// - Parameters:
  ///   - directory: made if missing, and removed again if the run fails; nil keeps all in memory.
  ///   - epoch: the nanoseconds since 1970 at which virtual time starts.
  ///   - snaplen: the most octets that are kept of a frame.
  ///   - filter: frames that don't match are counted and left out.
  public init(
    directory: String?, format: CaptureFormat = .pcapng, layout: CaptureLayout = .filePerPort,
    metadata: CaptureMetadata, epoch: UInt64 = CaptureSet.defaultEpoch, snaplen: Int = 262_144,
    filter: CaptureFilter? = nil
  ) throws(CaptureError) {
    self.format = format
    self.layout = layout
    self.epoch = epoch
    self.snaplen = max(0, min(snaplen, Pcapng.snapLength))
    self.metadata = metadata
    self.filter = filter
    files = .allocate(capacity: 0)
    ports = .allocate(capacity: 0)
    classic = format == .pcap ? try PcapEncoder() : nil
    store = try CaptureStore(directory: directory)
    if case .oneFile(let name) = layout { addFile(name) }
  }

  deinit {
    abandon()
    files.deinitialize(count: fileCount)
    ports.deinitialize(count: portCount)
    files.deallocate()
    ports.deallocate()
  }

  /// Adds a port and returns its number, from 0. Its file's name is its own with all but letters, digits and `._-`
  /// replaced.
  @discardableResult
  public func addPort(name: String, description: String = "", speed: UInt64 = 0) -> Int {
    let port = CapturePort(name: name, description: description, speed: speed)
    switch layout {
    case .filePerPort:
      addFile(name)
      add(Port(port: port, file: fileCount - 1, interface: 0))
    case .oneFile:
      if files[0].isUntouched { writeHead(0) }
      let interface = format == .pcapng ? files[0].writer.interface(port, into: &files[0].buffer) : UInt32(portCount)
      add(Port(port: port, file: 0, interface: interface))
    }
    return portCount - 1
  }

  @discardableResult
  func addFile(_ name: String, writer: PcapngWriter = PcapngWriter()) -> Int {
    if fileCount == fileCapacity { files = Self.grown(files, fileCount, &fileCapacity) }
    let name = "\(names.claim(for: name)).\(format.rawValue)"
    (files + fileCount).initialize(to: CaptureFile(name: name, writer: writer))
    fileCount += 1
    return fileCount - 1
  }

  func add(_ port: Port) {
    if portCount == portCapacity { ports = Self.grown(ports, portCount, &portCapacity) }
    (ports + portCount).initialize(to: port)
    portCount += 1
  }

  private static func grown<T: ~Copyable>(
    _ old: UnsafeMutablePointer<T>, _ count: Int, _ capacity: inout Int
  ) -> UnsafeMutablePointer<T> {
    capacity = max(8, capacity * 2)
    let new = UnsafeMutablePointer<T>.allocate(capacity: capacity)
    new.moveInitialize(from: old, count: count)
    old.deallocate()
    return new
  }

  /// The section's head, and in a file of its own the port's interface; made at the first frame, so that idle ports
  /// hold nothing.
  func writeHead(_ file: Int) {
    if let classic {
      classic.head.withUnsafeBytes { files[file].buffer.append($0) }
    } else {
      files[file].writer.sectionHeader(metadata, into: &files[file].buffer)
      if layout == .filePerPort {
        // One port a file: they have the same number.
        files[file].writer.interface(ports[file].port, into: &files[file].buffer)
      }
      files[file].writer.names(metadata.names, into: &files[file].buffer)
    }
    store.account(files[file].buffer.capacity)
  }

  /// The file that a port is written to, once the run has finished; in memory mode just a name.
  public func path(port: Int) -> String {
    let name = files[ports[checked(port)].file].name
    return store.finalPath(name) ?? name
  }

  func checked(_ port: Int) -> Int {
    precondition(port >= 0 && port < portCount)
    return port
  }
}
