import WeftDisk
import WeftSettings

extension Resolver {
  /// A VM that comes from a bundle: what its file says of it, under what stands here. All of it has the place of `from`.
  func unpacked(_ own: Written) -> Written? {
    guard let place = own["from"], !place.isNull else { return own }
    guard let path = place.text else { return nil }
    guard let opening, let bytes = opening(path) else {
      report("there is no file \(path)", at: place, hint: opening == nil ? "files can't be read here" : nil)
      return nil
    }
    let files: [(name: String, bytes: [UInt8])]
    do throws(Ustar.Problem) { files = try BundleArchive.read(bytes) } catch {
      report("\(path) is no bundle: \(error)", at: place)
      return nil
    }
    guard let text = files.first(where: { $0.name == VMText.name })?.bytes, let text = String(validating: text, as: UTF8.self)
    else {
      report("\(path) is no bundle: it has no \(VMText.name)", at: place)
      return nil
    }
    var yaml = YAMLReader(SourceText(text: text, file: path))
    guard let root = yaml.read(), let format = root["weft-bundle"]?.text.flatMap({ Int($0) }), let vm = root["vm"],
      vm.entries != nil
    else {
      report("\(path) is no bundle: its \(VMText.name) can't be read", at: place)
      return nil
    }
    guard format <= VMText.format else {
      report("\(path) is of format \(format), which a later weft wrote", at: place)
      return nil
    }
    let networks = own["networks"]
    var missing: [String] = []
    var roles: [String] = []
    func plugged(_ entries: [Written.Entry]) -> [Written.Entry] {
      entries.map { entry in
        var entry = entry
        guard entry.key == "network", let role = entry.value.text else { return entry }
        roles.append(role)
        if let network = networks?[role] { entry.value = network } else { missing.append(role) }
        return entry
      }
    }
    var entries = plugged(vm.placed(at: place.mark).entries ?? [])
    for index in entries.indices {
      switch entries[index].key {
      case "nics":
        let nics = (entries[index].value.items ?? []).map { Written(kind: .map(plugged($0.entries ?? [])), mark: place.mark) }
        entries[index].value = Written(kind: .list(nics), mark: place.mark)
      case "disks":
        let disks = (entries[index].value.items ?? []).map { disk in
          Written(
            kind: .map(
              (disk.entries ?? []).map { entry in
                guard entry.key == "image", let name = entry.value.text else { return entry }
                var entry = entry
                entry.value = Written(kind: .scalar("\(path)/\(name)", quoted: true), mark: place.mark)
                return entry
              }), mark: place.mark)
        }
        entries[index].value = Written(kind: .list(disks), mark: place.mark)
      default: continue
      }
    }
    for role in missing {
      report("\(path) needs a network for \"\(role)\"", at: place, hint: "networks: {\(role): …}")
    }
    for entry in networks?.entries ?? [] where !roles.contains(entry.key) {
      report(
        "\(path) has no network \"\(entry.key)\"", atKey: entry.keyMark, entry.key,
        hint: Suggestion.hint(for: entry.key, in: roles) ?? "it has \(roles.joined(separator: ", "))")
    }
    guard missing.isEmpty else { return nil }
    for (name, bytes) in files where name.hasPrefix("disks/") {
      let image = "\(path)/\(name)"
      guard topology.images[image] == nil else { continue }
      do throws(DiskImageError) { topology.images[image] = try BlockDevice(image: bytes, named: image) } catch {
        report(error.description, at: place)
        return nil
      }
    }
    return own.without(["from", "networks"]).merged(over: Written(kind: .map(entries), mark: place.mark))
  }
}

extension Written {
  /// The same with another place in the file, throughout.
  fileprivate func placed(at mark: Mark) -> Written {
    switch kind {
    case .scalar: Written(kind: kind, mark: mark)
    case .list(let items): Written(kind: .list(items.map { $0.placed(at: mark) }), mark: mark)
    case .map(let entries):
      Written(kind: .map(entries.map { .init(key: $0.key, keyMark: mark, value: $0.value.placed(at: mark)) }), mark: mark)
    }
  }
}
