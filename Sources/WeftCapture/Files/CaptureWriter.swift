#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writes full buffers to their files on a thread of its own, in the order in which they come: while one is written, the
/// run fills the next. What may wait is bounded, so that a slow disk stalls the run rather than eats its memory.
///
/// The thread begins with the first buffer: runs whose files are small have none. After a failure nothing more is written;
/// what then waits, its owners take back.
final class CaptureWriter: @unchecked Sendable {
  /// The bytes that may wait for the disk.
  static let bound = 4 << 20

  /// A full buffer on its way to the end of a file.
  struct Job {
    let path: String
    /// Whether the file is made by it.
    let create: Bool
    let memory: CaptureBuffer.Memory
  }

  /// A job that failed: its memory is whose who takes it.
  struct Failure {
    let job: Job
    /// Bytes that were written all the same.
    let written: Int
    let error: CaptureError
  }

  /// Set by the first failure.
  private let failed: CaptureFlag
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  // All that follows is looked at with the mutex held.
  private var jobs: [Job] = []
  /// The bytes of all jobs, that at work included.
  private var waiting = 0
  private var isWriting = false
  private var isEnding = false
  private var failure: Failure?
  /// Memory of buffers that were written, to be filled again.
  private var spare: [CaptureBuffer.Memory] = []
  private var thread: pthread_t?

  /// Where there is one processor alone, writing would only take it from the run.
  static var isWorthwhile: Bool { sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1 }

  init(failed: CaptureFlag) {
    self.failed = failed
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    stop()
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(changed)
    mutex.deallocate()
    changed.deallocate()
  }

  /// Whether there is a thread; it begins here. The system may have none to give.
  func isReady() -> Bool {
    locked {
      if thread == nil { start() }
      return thread != nil
    }
  }

  /// Takes a full buffer's memory, and gives as much for the next bytes. Waits while too much else waits.
  /// Precondition: it is ready.
  func write(_ job: Job) -> UnsafeMutableRawPointer {
    locked {
      while waiting > Self.bound, failure == nil { pthread_cond_wait(changed, mutex) }
      jobs.append(job)
      waiting += job.memory.count
      pthread_cond_broadcast(changed)
      if let last = spare.last, last.capacity == job.memory.capacity { return spare.removeLast().base }
      return CaptureBuffer.allocate(job.memory.capacity)
    }
  }

  /// Waits until all is written, or something has failed.
  func drain() { locked { waitUntilDrained() } }

  /// The failure, and what wasn't written because of it; nil without one, and if it was taken already.
  func takeFailure() -> (failure: Failure, rest: [Job])? {
    locked {
      waitUntilDrained()
      guard let failure else { return nil }
      defer { (self.failure, jobs, waiting) = (nil, [], 0) }
      return (failure, jobs)
    }
  }

  /// Ends the thread. What still waits isn't written.
  func stop() {
    let thread = locked {
      isEnding = true
      pthread_cond_broadcast(changed)
      defer { self.thread = nil }
      return self.thread
    }
    if let thread { pthread_join(thread, nil) }
    for memory in jobs.map(\.memory) + spare { memory.release() }
    failure?.job.memory.release()
    (jobs, spare, failure, waiting) = ([], [], nil, 0)
  }

  private func waitUntilDrained() {
    while isWriting || (!jobs.isEmpty && failure == nil) { pthread_cond_wait(changed, mutex) }
  }

  private func locked<R>(_ body: () -> R) -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  // MARK: The thread

  /// It doesn't hold the writer, which outlives it: see `stop`.
  private func start() {
    // Signals are for the program's own threads.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    #if canImport(Darwin)
      var started: pthread_t?
      let code = pthread_create(&started, nil, { CaptureWriter.work($0) }, Unmanaged.passUnretained(self).toOpaque())
    #else
      var started = pthread_t()
      let code = pthread_create(&started, nil, { CaptureWriter.work($0!) }, Unmanaged.passUnretained(self).toOpaque())
    #endif
    if code == 0 { thread = started }
  }

  private static func work(_ writer: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let writer = Unmanaged<CaptureWriter>.fromOpaque(writer).takeUnretainedValue()
    while let job = writer.next() {
      let (written, error) = FileSystem.append(job.memory.bytes, to: job.path, create: job.create)
      writer.hasRun(job, written, error)
    }
    return nil
  }

  /// nil: the end has come.
  private func next() -> Job? {
    locked {
      while !isEnding, jobs.isEmpty || failure != nil { pthread_cond_wait(changed, mutex) }
      guard !isEnding else { return nil }
      isWriting = true
      return jobs.removeFirst()
    }
  }

  private func hasRun(_ job: Job, _ written: Int, _ error: CaptureError?) {
    locked {
      isWriting = false
      waiting -= job.memory.count
      if let error {
        failure = Failure(job: job, written: written, error: error)
        failed.set()
      } else if spare.count < Self.bound / CaptureStore.fullBuffer, job.memory.capacity == CaptureStore.fullBuffer {
        spare.append(job.memory)
      } else {
        job.memory.release()
      }
      pthread_cond_broadcast(changed)
    }
  }
}
