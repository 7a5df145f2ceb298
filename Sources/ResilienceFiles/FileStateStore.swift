public import Foundation
public import Resilience

/// Keeps the state of a module's breakers in a file, as JSON.
///
/// ```swift
/// resilience.keepState(in: FileStateStore(URL(filePath: "/var/lib/shop/breakers.json")))
/// ```
///
/// Written as a whole or not at all: to another file first, which then takes the place of the old one.
public struct FileStateStore: ModuleStateStore {
    /// The file. Its directory has to exist.
    public let file: URL

    /// Creates a store.
    public init(_ file: URL) {
        self.file = file
    }

    /// What was saved last; `nil` if there is no file.
    ///
    /// - Throws: What reading and decoding throw.
    public func load() async throws -> ResilienceModule.SavedState? {
        let data: Data
        do {
            data = try Data(contentsOf: file)
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            return nil
        }
        return try JSONDecoder().decode(ResilienceModule.SavedState.self, from: data)
    }

    /// Keeps the state.
    ///
    /// - Throws: What encoding and writing throw; what was saved before stays then.
    public func save(_ state: ResilienceModule.SavedState) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try encoder.encode(state).write(to: file, options: .atomic)
    }
}
