public import Foundation
public import Resilience
internal import ResilienceCore

extension ResilienceModule {
    /// Watches a configuration file while `run()` runs: reads it at once, and again whenever it has changed, and puts
    /// what it says in force.
    ///
    /// A file that is gone, cannot be read, holds no JSON or has faults is reported as an event of the module, once,
    /// and changes nothing. It may be replaced as a whole, which is best done by renaming another over it, or written
    /// in place: of a text that is only half there when it is read, the rest is read the next time.
    ///
    /// The file is looked at and not subscribed to, which also works where it is mounted into a container or lies on a
    /// network: its date of modification, its size and its identity. A text that changes none of the three is not seen.
    ///
    /// - Parameters:
    ///   - file: The file.
    ///   - interval: How long to wait between two looks, on the module's clock. Less than 1 ms counts as 1 ms. Default:
    ///     2 seconds.
    public func watch(_ file: URL, every interval: Duration = .seconds(2)) {
        let last = Lock<Reading?>(nil)
        reload(every: interval) {
            // Looked at before it is read: what is written in between is read again the next time.
            let version = FileVersion(of: file)
            let reading = last.withLock { $0 }
            if let reading, reading.version == version {
                // Tried again also if it was refused: what it does not fit may have changed.
                return try reading.configuration.get()
            }
            let configuration = Result { () throws(ConfigurationFileError) in try Configuration(contentsOf: file) }
            last.withLock { $0 = Reading(version: version, configuration: configuration) }
            return try configuration.get()
        }
    }

    private struct Reading {
        let version: FileVersion?
        let configuration: Result<Configuration, ConfigurationFileError>
    }
}

/// What tells one content of a file from the next without reading it; `nil` if there is no file.
struct FileVersion: Equatable, Sendable {
    private let date: Date?
    private let size: UInt64?
    private let identity: UInt64?

    init?(of file: URL) {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: file.resolvingSymlinksInPath().path)
        else { return nil }
        date = attributes[.modificationDate] as? Date
        size = (attributes[.size] as? NSNumber)?.uint64Value
        identity = (attributes[.systemFileNumber] as? NSNumber)?.uint64Value
    }
}
