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
      disks.append(disk)
    }
    return disks
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
}
