/// The captures of one run: a writer per port, and a file for each port that saw something.
///
/// The directory is the run's own while it lasts: another run there is refused, and the files of an earlier one go as it
/// begins. What is on disk is made of whole records at any time: a run that is interrupted, or ended by `kill -9`, leaves
/// files that can be read. A failure (disk full, …) sticks: staging becomes a no-op, `failure` tells, `finish` keeps what
/// there is and throws.
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
  let addressNames: CaptureNames
  let filter: CaptureFilter?
  let store: CaptureStore
  let classic: PcapEncoder?

  struct Port {
    var port: CapturePort
    var file: Int
    var interface: UInt32
    var counts = CaptureCounts()
  }

  /// What changes. Arrays of raw memory: `CaptureFile` can't be copied, and threads write neighbours, which an Array's
  /// exclusivity forbids.
  private struct State: ~Copyable {
    var files = UnsafeMutablePointer<CaptureFile>.allocate(capacity: 0)
    var ports = UnsafeMutablePointer<Port>.allocate(capacity: 0)
    var fileCount = 0
    var portCount = 0
    var fileCapacity = 0
    var portCapacity = 0
    var isOpen = true
    var fileNames = CaptureFileNames()

    deinit {
      files.deinitialize(count: fileCount)
      ports.deinitialize(count: portCount)
      files.deallocate()
      ports.deallocate()
    }
  }

  /// Apart: each look at a class's variables is checked for exclusive access, which cost a small frame half its record.
  private let state: UnsafeMutablePointer<State>

  var files: UnsafeMutablePointer<CaptureFile> { state.pointee.files }
  var ports: UnsafeMutablePointer<Port> { state.pointee.ports }
  var fileCount: Int { state.pointee.fileCount }
  /// Ports added so far.
  public var portCount: Int { state.pointee.portCount }
  var isOpen: Bool {
    get { state.pointee.isOpen }
    set { state.pointee.isOpen = newValue }
  }

  /// - Parameters:
  ///   - directory: made if missing; nil keeps all in memory.
  ///   - format: pcapng, or classic pcap, which has no comments.
  ///   - layout: a file for each port, or one for all.
  ///   - metadata: what the files say of the run.
  ///   - epoch: the nanoseconds since 1970 at which virtual time starts.
  ///   - snaplen: the most octets that are kept of a frame.
  ///   - filter: frames that don't match are counted and left out.
  ///   - limit: the most bytes of records in all files together; later frames are counted only.
  public init(
    directory: String?, format: CaptureFormat = .pcapng, layout: CaptureLayout = .filePerPort,
    metadata: CaptureMetadata, epoch: UInt64 = CaptureSet.defaultEpoch, snaplen: Int = 262_144,
    filter: CaptureFilter? = nil, limit: UInt64 = .max
  ) throws(CaptureError) {
    self.format = format
    self.layout = layout
    self.epoch = epoch
    self.snaplen = max(0, min(snaplen, Pcapng.snapLength))
    self.metadata = metadata
    addressNames = CaptureNames(metadata.names)
    self.filter = filter
    classic = format == .pcap ? try PcapEncoder() : nil
    store = try CaptureStore(
      directory: directory, limit: limit, heading: ["topology \(metadata.topology)", "seed \(metadata.seed)"])
    state = .allocate(capacity: 1)
    state.initialize(to: State())
    if case .oneFile(let name) = layout { addFile(name) }
  }

  deinit {
    abandon()
    state.deinitialize(count: 1)
    state.deallocate()
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
    if fileCount == state.pointee.fileCapacity {
      state.pointee.files = Self.grown(files, fileCount, &state.pointee.fileCapacity)
    }
    let name = "\(state.pointee.fileNames.claim(for: name)).\(format.rawValue)"
    (files + fileCount).initialize(to: CaptureFile(name: name, writer: writer))
    if let path = store.path(name), FileSystem.isDirectory(path) {
      // Found out before the run, not at the first frame.
      let error = CaptureError(.open, path: path, reason: "a directory is in the way")
      files[fileCount].fail(error, store)
    }
    state.pointee.fileCount += 1
    return fileCount - 1
  }

  func add(_ port: Port) {
    if portCount == state.pointee.portCapacity {
      state.pointee.ports = Self.grown(ports, portCount, &state.pointee.portCapacity)
    }
    (ports + portCount).initialize(to: port)
    state.pointee.portCount += 1
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
    files[file].touch()
    if let classic {
      classic.head.withUnsafeBytes { files[file].buffer.append($0) }
    } else {
      files[file].writer.sectionHeader(metadata, into: &files[file].buffer)
      if layout == .filePerPort {
        // One port a file: they have the same number.
        files[file].writer.interface(ports[file].port, into: &files[file].buffer)
      }
    }
    store.account(files[file].buffer.capacity)
  }

  /// Whether the port's file has anything in it: there is none for a port that saw nothing.
  public func isWritten(port: Int) -> Bool { !files[ports[checked(port)].file].isUntouched }

  public func port(_ number: Int) -> CapturePort { ports[checked(number)].port }

  /// Records in the port's file.
  public func recordCount(port: Int) -> UInt64 { files[ports[checked(port)].file].writer.recordCount }

  /// What the limit has left out; nil where nothing was.
  public var cutOff: CaptureCutOff? { store.cutOff }

  /// Removes the captures that an earlier run has left in a directory, and the directory if nothing else is in it.
  /// Leaves alone what isn't weft's, and a directory that a run is writing to.
  public static func clear(_ directory: String) { RunFolder.clear(directory) }

  /// The file that a port is written to; in memory mode just a name.
  public func path(port: Int) -> String {
    let name = files[ports[checked(port)].file].name
    return store.path(name) ?? name
  }

  @inline(__always)
  func checked(_ port: Int) -> Int {
    precondition(port >= 0 && port < portCount)
    return port
  }
}
