import WeftDisk
import WeftSettings

extension Resolver {
  func readPools(_ value: Written?) -> [PoolSettings] {
    (value?.entries ?? []).named.compactMap { entry in
      do throws(Complaint) { _ = try Parse.name(entry.key) } catch {
        report(error.message, atKey: entry.keyMark, entry.key, hint: error.hint)
        return nil
      }
      guard var pool = PoolSettings.keys.read(entry.value, self) else { return nil }
      pool.name = entry.key
      return pool
    }
  }

  /// The disks of a VM, each in a pool of its host.
  func disks(_ value: Written?, on host: String) -> [DiskSettings] {
    let pools = hostIndex[host].map { topology.hosts[$0].pools } ?? []
    var disks: [DiskSettings] = []
    for item in value?.items ?? [] {
      guard var disk = DiskSettings.keys.read(item, self) else { continue }
      let object = Object(item, DiskSettings.keys)
      if disks.contains(where: { $0.name == disk.name }), let place = object.place(\.name) {
        report("two disks are called \"\(disk.name)\"", at: place)
      }
      if let pool = disk.pool, let place = object.place(\.pool), !pools.contains(where: { $0.name == pool }) {
        report(
          "host \"\(host)\" has no pool \"\(pool)\"", at: place,
          hint: Suggestion.hint(for: pool, in: pools.map(\.name)) ?? Self.list(pools.map(\.name), else: "pools: {\(pool): {}}"))
      }
      disk.pool = disk.pool ?? pools.first?.name
      if let image = disk.image, let place = object.place(\.image) {
        guard let found = self.image(image, at: place) else { continue }
        if disk.size == 0 { disk.size = found.size }
        if disk.size < found.size, let place = object.place(\.size) {
          report("\(image) has \(Quantity.text(UInt64(found.size), Quantity.sizes)), more than the disk", at: place)
        }
      }
      disks.append(disk)
    }
    return disks
  }

  /// Read once, however many disks begin with it.
  private func image(_ path: String, at place: Written) -> BlockDevice? {
    if let known = topology.images[path] { return known }
    guard let opening, let bytes = opening(path) else {
      report("there is no file \(path)", at: place, hint: opening == nil ? "files can't be read here" : nil)
      return nil
    }
    do throws(DiskImageError) {
      let disk = try BlockDevice(image: bytes, named: path, opening: opening)
      topology.images[path] = disk
      return disk
    } catch {
      report(error.description, at: place)
      return nil
    }
  }

  /// What programs say of their machine's disks.
  func checkDisks(of vm: VM, _ programs: Written?) {
    for item in programs?.items ?? [] {
      for program in tables.catalogue.programs.all.compactMap({ $0 as? any DiskProgramSettings.Type }) {
        let isAlone = item.text == program.word
        guard isAlone || item[program.word] != nil else { continue }
        let place = item[program.word]?["disk"] ?? item
        guard let first = vm.disks.first else {
          report("\"\(vm.name)\" has no disk for \(program.word)", at: place, hint: "disks: [{name: root, size: 1 GiB}]")
          continue
        }
        guard let name = item[program.word]?["disk"]?.text, !vm.disks.contains(where: { $0.name == name }) else { continue }
        report(
          "\"\(vm.name)\" has no disk \"\(name)\"", at: place,
          hint: Suggestion.hint(for: name, in: vm.disks.map(\.name)) ?? "there is \(first.name)")
      }
    }
  }

  /// What lies in each pool must go into it, also if all of it is written.
  func checkPoolSizes() {
    for host in topology.hosts {
      for pool in host.pools {
        guard let size = pool.size else { continue }
        let disks = topology.vms.lazy.filter { $0.host == host.name }.flatMap(\.disks).filter { $0.pool == pool.name }
        let sum = disks.reduce(UInt64(0)) { $0 + UInt64($1.size) }
        guard sum > size else { continue }
        report(
          "the disks in pool \"\(pool.name)\" of host \"\(host.name)\" hold \(Quantity.text(sum, Quantity.sizes)), "
            + "it \(Quantity.text(size, Quantity.sizes))", atKey: host.mark, host.name)
      }
    }
  }

  private static func list(_ names: [String], else hint: String) -> String {
    names.isEmpty ? "give it one: \(hint)" : "there is \(names.joined(separator: ", "))"
  }

  /// Whether the pools that an event names are there, and its VM has something to put there.
  func checkPools(of action: Event.Action, _ key: Written.Entry) -> Bool {
    switch action.sense {
    case .media(let pool, let host):
      return owner(of: pool, host, near: nil, at: key.value["pool"] ?? key.value) != nil
    case .backup(let order):
      guard let index = vmIndex[order.vm] else { return false }
      let vm = topology.vms[index]
      if vm.disks.isEmpty {
        report(
          "\"\(vm.name)\" has no disks to back up", at: key.value["vm"] ?? key.value, hint: "disks: [{name: root, size: 1 GiB}]")
        return false
      }
      let place = key.value["to"] ?? key.value
      guard let owner = owner(of: order.pool, order.host, near: vm.host, at: place) else { return false }
      if owner == vm.host, vm.disks.contains(where: { $0.pool == order.pool }) {
        report(
          "a backup in the pool of the disk itself is lost with it", at: place.mark, length: place.length,
          hint: "give it a pool of its own", severity: .warning)
      }
      return true
    case .restore(let order):
      let place = key.value["from"] ?? key.value
      guard let index = vmIndex[order.vm] else {
        if !order.vm.isEmpty { resolve(order.vm, [.vm], at: place) }
        return false
      }
      return owner(of: order.pool, nil, near: topology.vms[index].host, at: place) != nil
    case .life, .snapshot, .cable, .ipForwarding, .forwards, .drive, .clone, .migrate, .placement, .failHost, .other:
      return true
    }
  }

  /// The host whose pool is meant; a report where it isn't clear.
  private func owner(of pool: String, _ host: String?, near: String?, at place: Written) -> String? {
    let owners = topology.hosts.filter { $0.pools.contains { $0.name == pool } && (host == nil || host == $0.name) }.map(\.name)
    if let near, owners.contains(near) { return near }
    if owners.count == 1 { return owners[0] }
    let names = topology.hosts.filter { host == nil || host == $0.name }.flatMap(\.pools).map(\.name)
    if owners.isEmpty {
      report(
        "unknown pool \"\(pool)\"", at: place, part: pool,
        hint: Suggestion.hint(for: pool, in: names) ?? Self.list(names, else: "pools: {\(pool): {}}"))
    } else {
      report(
        "\(owners.joined(separator: " and ")) have a pool \"\(pool)\"", at: place, part: pool,
        hint: "say which host's: host: \(owners[0])")
    }
    return nil
  }
}
