import WeftCore
import WeftSettings
import WeftWire

extension Resolver {
  /// Expands a group. Where no text depends on {n}, the first VM is the mould of the others: ten thousand VMs cost ten
  /// thousand copies, not ten thousand readings.
  func readGroup(_ entry: Written.Entry) {
    guard !entry.key.hasPrefix("x-") else { return }
    let own = entry.value.isNull ? Written(kind: .map([]), mark: entry.keyMark) : entry.value
    require(own, tables.group.keys, at: entry.keyMark, name: entry.key)
    let value = overDefaults(own.without(Set(GroupEntry.keys.keys.keys.map(\.name))))
    for key in own.entries ?? [] where [tables.vm.name(\.from), tables.vm.name(\.networks)].contains(key.key) {
      report("a group can't come from a bundle", atKey: key.keyMark, key.key, hint: "give each VM an entry of its own under vms")
    }
    let (count, pattern) = (groupCount(entry), groupPattern(entry))
    guard count > 0 else { return }
    let mark = Object(own, GroupEntry.keys).bare(\.name)?.mark ?? entry.keyMark
    let names = (1...count).map { Pattern.expand(pattern, $0) }
    let errors = errorCount
    let depends = value.contains("{n")
    var mould: VM?
    for n in 1...count {
      guard self.names[names[n - 1]]?.sort == .vm, vmIndex[names[n - 1]] == nil else { break }
      let next = names[n % count]
      var made: VM?
      if let mould {
        made = copy(mould, names[n - 1], n, value)
      } else {
        let text = depends ? value.mapText { Pattern.expand($0, n) } : value
        made = makeVM(names[n - 1], depends ? counted(text, value, n) : text, at: mark, own: own, inGroup: true)
      }
      // One report of what is wrong with all of them is enough.
      guard errorCount == errors, var vm = made else { return lost(at: entry.keyMark) }
      // A disc's addresses are looked at for each.
      if !depends, mould == nil, vm.cd == nil { mould = vm }
      for i in vm.programs.indices {
        // `next` → the group's next member, of the last the first.
        type(of: vm.programs[i].settings).row.redirect?(&vm.programs[i].settings) { $0 == .node("next") ? .node(next) : $0 }
      }
      add(vm)
    }
  }

  /// Addresses without {n} count up from member to member, also where other texts have it.
  private func counted(_ text: Written, _ original: Written, _ n: Int) -> Written {
    guard n > 1, case .map(var entries) = text.kind else { return text }
    // Not what was found when the first one's was checked.
    func unread(_ text: String, _ quoted: Bool, _ mark: Mark) -> Written {
      Written(kind: .scalar(text, quoted: quoted), mark: mark)
    }
    let keys = NICEntry.keys
    let (address, lease, mac) = (keys.name(\.address), keys.name(\.lease), keys.name(\.mac))
    for i in entries.indices {
      let key = entries[i].key
      let plain = original[key]?.text.map { !$0.contains("{n") } ?? false
      switch entries[i].value.kind {
      case .list(let items) where key == tables.vm.name(\.nics):
        let list = zip(items, original[key]?.items ?? []).map { counted($0, $1, n) }
        entries[i].value = Written(kind: .list(list), mark: entries[i].value.mark)
      case .scalar(let text, let quoted) where plain && (key == address || key == lease):
        guard let first = IPv4Address(text) else { continue }
        let (next, _) = first.rawValue.addingReportingOverflow(UInt32(n - 1))
        entries[i].value = unread("\(IPv4Address(rawValue: next))", quoted, entries[i].value.mark)
      case .scalar(let text, let quoted) where plain && key == mac:
        guard let first = MACAddress(text) else { continue }
        let next = MACAddress(rawValue: first.rawValue &+ UInt64(n - 1))
        entries[i].value = unread("\(next)", quoted, entries[i].value.mark)
      case .scalar, .list, .map: continue
      }
    }
    return Written(kind: .map(entries), mark: text.mark)
  }

  private func copy(_ mould: VM, _ name: String, _ n: Int, _ value: Written) -> VM {
    var vm = mould
    vm.name = name
    let items = (Object(value, tables.vm).bare(\.nics)?.items ?? [value]).map { Object($0, NICEntry.keys) }
    for i in vm.nics.indices {
      let owner = "VM \"\(name)\"" + (vm.nics.count > 1 ? " (eth\(i))" : "")
      let network = networkIndex[vm.nics[i].network].map { topology.hosts[$0.host].networks[$0.network] }
      guard let network else { continue }
      func count(_ first: IPv4Address?, _ path: PartialKeyPath<NICEntry>) -> IPv4Address? {
        guard let first else { return nil }
        let address = IPv4Address(rawValue: first.rawValue &+ UInt32(n - 1))
        occupy(address, network, at: items[i].bare(path) ?? value, owner: owner)
        return address
      }
      vm.nics[i].address = count(vm.nics[i].address, \.address)
      vm.nics[i].reservation = count(vm.nics[i].reservation, \.lease)
      if let first = vm.nics[i].mac {
        let mac = MACAddress(rawValue: first.rawValue &+ UInt64(n - 1))
        take(mac, for: owner, at: items[i].bare(\.mac) ?? value)
        vm.nics[i].mac = mac
      }
    }
    return vm
  }
}
