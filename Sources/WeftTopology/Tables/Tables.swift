import WeftSettings

/// Every key of the file. Reading, checking, the JSON Schema and docs/topology-file.md come from these rows.
struct Tables: Sendable {
  let catalogue: Catalogue
  let program: KeyTable<ProgramEntry>
  let programs: Form<[Placed<ProgramEntry>]>
  let expectation: KeyTable<ExpectationEntry>
  let host: KeyTable<HostEntry>
  let vm: KeyTable<VMEntry>
  let group: KeyTable<GroupEntry>
  let defaults: KeyTable<DefaultsEntry>
  let root: KeyTable<RootEntry>

  /// The tables of files that may name what a catalogue has.
  init(_ catalogue: Catalogue) {
    self.catalogue = catalogue
    program = ProgramEntry.table(catalogue)
    programs = ProgramEntry.list(program, catalogue)
    expectation = ExpectationEntry.table(catalogue.probes.all)
    host = HostEntry.table(programs.shape)
    vm = VMEntry.table(programs.shape)
    group = GroupEntry.table(vm)
    defaults = DefaultsEntry.table(host: host.keys, vm: vm.keys)
    root = RootEntry.table(
      host: host.keys, vm: vm.keys, group: group.keys, defaults: defaults.keys, expectation: expectation.keys)
  }

  static let standard = Tables(.standard)

  /// The keys of a cable, as every table with one has them.
  static let cable = KeyTable("cable", "What a cable does", from: LinkSettings(), LinkSettings.fields)
}
