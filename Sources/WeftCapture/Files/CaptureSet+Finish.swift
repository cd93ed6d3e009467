public import WeftCore

extension CaptureSet {
  /// The first failure so far, in the order of files; a run may want to stop early.
  public var failure: CaptureError? {
    guard store.hasFailed else { return nil }
    settle()
    for file in 0..<fileCount {
      if let failure = files[file].failure { return failure }
    }
    return nil
  }

  /// Waits for what is on its way to the disk, and takes over what a failure there has left.
  private func settle() {
    guard let (failure, rest) = store.writer?.takeFailure() else { return }
    for file in 0..<fileCount { files[file].takeOver(failure, rest, store) }
    for job in rest + [failure.job] { job.memory.release() }
  }

  /// Writes the statistics and what is still in memory. After a failure it keeps what there is, and throws. Later calls
  /// do nothing.
  /// - Parameter end: the run's end, for the interface statistics.
  public func finish(at end: Instant) throws(CaptureError) {
    guard isOpen else { return }
    isOpen = false
    settle()
    for file in 0..<fileCount where !files[file].isUntouched && files[file].failure == nil {
      files[file].writer.cancel(into: &files[file].buffer)
      if format == .pcapng {
        for number in layout == .filePerPort ? file..<file + 1 : 0..<portCount { writeStatistics(number, end) }
      }
    }
    // In memory mode the bytes are still to be read.
    guard store.folder != nil else { return }
    makeRoomOnDisk()
    // On a full disk as many files as can be: the small ones first.
    for file in (0..<fileCount).sorted(by: { (files[$0].buffer.committed, $0) < (files[$1].buffer.committed, $1) }) {
      let failed = store.hasFailed
      files[file].flush(store)
      files[file].releaseMemory(store)
      if failed, files[file].failure?.isForSpace ?? false { makeRoomOnDisk() }
    }
    makeRoomOnDisk()
    store.writer?.stop()
    store.folder?.close()
    if let failure { throw failure }
  }

  /// Room for a run's last words beside its captures: its report.
  private static let roomForReports = 256 << 10

  /// On a full disk: files that are written out give up some of their ends, the largest first and at most half of each,
  /// that the others may have theirs, and the run its report.
  private func makeRoomOnDisk() {
    guard let failure, failure.isForSpace else { return }
    let writtenOut = (0..<fileCount).filter { files[$0].flushed > 0 && files[$0].buffer.committed == 0 }
      .sorted { (files[$1].flushed, $0) < (files[$0].flushed, $1) }
    var needed = (0..<fileCount).reduce(Self.roomForReports) { $0 + files[$1].buffer.committed }
    for file in writtenOut where needed > 0 {
      let size = files[file].flushed
      needed -= files[file].shorten(to: max(size / 2, size - needed), store)
    }
  }

  /// Removes everything that was written, also the directory if this run made it.
  public func abandon() {
    guard isOpen else { return }
    isOpen = false
    store.writer?.stop()
    for file in 0..<fileCount { files[file].releaseMemory(store) }
    store.folder?.abandon()
  }

  private func writeStatistics(_ number: Int, _ end: Instant) {
    let port = ports[number]
    files[port.file].writer.statistics(
      interface: port.interface, port.counts, from: epoch, to: epoch &+ end.rawValue, into: &files[port.file].buffer)
  }

  /// All that the port's file holds so far, flushed or not, without a staged frame; empty while nothing was captured.
  public func bytesSoFar(port: Int) throws(CaptureError) -> [UInt8] {
    settle()
    return try files[ports[checked(port)].file].bytes(store)
  }

  /// The run's captures as they are now. Precondition: nothing is staged, and neither `finish` nor `abandon` was
  /// called.
  public func checkpoint() throws(CaptureError) -> CaptureCheckpoint {
    precondition(isOpen)
    settle()
    if let failure { throw failure }
    var checkpoint = CaptureCheckpoint(
      format: format, layout: layout, epoch: epoch, snaplen: snaplen, ports: [], files: [])
    for number in 0..<portCount {
      let port = ports[number]
      checkpoint.ports.append(
        .init(port: port.port, file: port.file, interface: port.interface, counts: port.counts))
    }
    for file in 0..<fileCount {
      precondition(!files[file].buffer.isStaged)
      var name = ""
      switch layout {
      case .filePerPort: name = ports[file].port.name
      case .oneFile(let given): name = given
      }
      checkpoint.files.append(
        .init(
          name: name, writer: files[file].writer, bytes: try files[file].bytes(store), named: files[file].names.named))
    }
    checkpoint.cutOff = store.cutOff
    return checkpoint
  }

  /// Goes on where the checkpoint was taken: the finished files will be the same, byte by byte, as had the run never
  /// stopped.
  /// `metadata` is the same as before: ports without a frame yet have their heads still to be written.
  /// - Throws: also if the checkpoint isn't one of ours.
  public convenience init(
    resuming checkpoint: CaptureCheckpoint, directory: String?, metadata: CaptureMetadata,
    filter: CaptureFilter? = nil, limit: UInt64 = .max
  ) throws(CaptureError) {
    let perPort = checkpoint.layout == .filePerPort
    let fits = checkpoint.files.count == (perPort ? checkpoint.ports.count : 1)
    guard fits, checkpoint.ports.indices.allSatisfy({ checkpoint.ports[$0].file == (perPort ? $0 : 0) }) else {
      throw CaptureError(
        .read, path: directory ?? "checkpoint", reason: "the checkpoint's ports and files don't fit together")
    }
    try self.init(
      directory: directory, format: checkpoint.format, layout: checkpoint.layout, metadata: metadata,
      epoch: checkpoint.epoch, snaplen: checkpoint.snaplen, filter: filter, limit: limit)
    for (number, file) in checkpoint.files.enumerated() {
      if perPort { addFile(file.name) }
      files[number].writer = file.writer
      files[number].names = NamesInFile(file.named ?? [])
      files[number].restore(file.bytes, store)
    }
    store.cutOff = checkpoint.cutOff
    for port in checkpoint.ports {
      add(Port(port: port.port, file: port.file, interface: port.interface, counts: port.counts))
    }
    if let failure {
      abandon()
      throw failure
    }
  }
}
