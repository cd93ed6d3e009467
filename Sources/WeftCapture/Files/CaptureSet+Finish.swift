public import WeftCore

extension CaptureSet {
  /// The first failure so far, in the order of files; a run may want to stop early.
  public var failure: CaptureError? {
    guard store.hasFailed else { return nil }
    for file in 0..<fileCount {
      if let failure = files[file].failure { return failure }
    }
    return nil
  }

  /// Writes the statistics and puts every file in its place; on an error none is left. Later calls do nothing.
  /// - Parameter end: the run's end, for the interface statistics.
  public func finish(at end: Instant) throws(CaptureError) {
    guard isOpen else { return }
    do throws(CaptureError) {
      for file in 0..<fileCount {
        files[file].writer.cancel(into: &files[file].buffer)
        if files[file].isUntouched { writeHead(file) }
        if format == .pcapng {
          for number in layout == .filePerPort ? file..<file + 1 : 0..<portCount { writeStatistics(number, end) }
        }
        // In memory mode the bytes are still to be read.
        if store.directory != nil { try settle(file) }
      }
      try publish()
      isOpen = false
    } catch {
      abandon()
      throw error
    }
  }

  /// Removes everything that was written, also the directory if this run made it.
  public func abandon() {
    guard isOpen else { return }
    isOpen = false
    for file in 0..<fileCount { files[file].discard(store) }
    store.removeMadeDirectories()
  }

  private func writeStatistics(_ number: Int, _ end: Instant) {
    let port = ports[number]
    files[port.file].writer.statistics(
      interface: port.interface, port.counts, from: epoch, to: epoch &+ end.rawValue, into: &files[port.file].buffer)
  }

  private func settle(_ file: Int) throws(CaptureError) {
    if let failure { throw failure }
    files[file].flush(store)
    if let failure { throw failure }
    files[file].releaseMemory(store)
  }

  private func publish() throws(CaptureError) {
    guard store.directory != nil else { return }
    for file in 0..<fileCount {
      let path = store.finalPath(files[file].name)!
      // Found out before the first rename, which can't be undone.
      if FileSystem.isDirectory(path) { throw CaptureError(.rename, path: path, reason: "a directory is in the way") }
    }
    for file in 0..<fileCount {
      do throws(CaptureError) {
        try files[file].publish(store)
      } catch {
        // Half a run would be taken for a whole one.
        for done in 0..<file { FileSystem.remove(store.finalPath(files[done].name)!) }
        throw error
      }
    }
  }

  /// All that the port's file holds so far, flushed or not, without a staged frame; empty while nothing was captured.
  public func bytesSoFar(port: Int) throws(CaptureError) -> [UInt8] {
    try files[ports[checked(port)].file].bytes(store)
  }

  /// The run's captures as they are now. Precondition: nothing is staged, and neither `finish` nor `abandon` was
  /// called.
  public func checkpoint() throws(CaptureError) -> CaptureCheckpoint {
    precondition(isOpen)
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
      checkpoint.files.append(.init(name: name, writer: files[file].writer, bytes: try files[file].bytes(store)))
    }
    return checkpoint
  }

  /// Goes on where the checkpoint was taken: the finished files will be the same, byte by byte, as had the run never
  /// stopped.
  /// - Parameter metadata: the same as before; ports without a frame yet have their heads still to be written.
  /// - Throws: also if the checkpoint isn't one of ours.
  public convenience init(
    resuming checkpoint: CaptureCheckpoint, directory: String?, metadata: CaptureMetadata, filter: CaptureFilter? = nil
  ) throws(CaptureError) {
    let perPort = checkpoint.layout == .filePerPort
    let fits = checkpoint.files.count == (perPort ? checkpoint.ports.count : 1)
    guard fits, checkpoint.ports.indices.allSatisfy({ checkpoint.ports[$0].file == (perPort ? $0 : 0) }) else {
      throw CaptureError(
        .read, path: directory ?? "checkpoint", reason: "the checkpoint's ports and files don't fit together")
    }
    try self.init(
      directory: directory, format: checkpoint.format, layout: checkpoint.layout, metadata: metadata,
      epoch: checkpoint.epoch, snaplen: checkpoint.snaplen, filter: filter)
    for (number, file) in checkpoint.files.enumerated() {
      if perPort { addFile(file.name) }
      files[number].writer = file.writer
      files[number].restore(file.bytes, store)
    }
    for port in checkpoint.ports {
      add(Port(port: port.port, file: port.file, interface: port.interface, counts: port.counts))
    }
    if let failure {
      abandon()
      throw failure
    }
  }
}
