import Foundation

/// How the live view is shown.
enum ViewMode: Sendable, Equatable {
    /// One line after another.
    case plain
    /// Drawn over itself.
    case redrawing(hasColor: Bool, glyphs: Glyphs)

    struct Size: Sendable, Equatable {
        let columns: Int
        let rows: Int
    }

    /// - Parameter size: The terminal's size; `nil` if standard output is none.
    static func choose(environment: [String: String], size: Size?) -> ViewMode {
        guard let size, size.columns >= TerminalView.narrowest, size.rows >= TerminalView.height else { return .plain }
        guard let kind = environment["TERM"], !kind.isEmpty, kind != "dumb" else { return .plain }
        // The first of the three that is set and not empty decides, as in POSIX.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        let encoding = (locale ?? "").uppercased()
        let isUnicode = encoding.contains("UTF-8") || encoding.contains("UTF8")
        let hasColor = (environment["NO_COLOR"] ?? "").isEmpty
        return .redrawing(hasColor: hasColor, glyphs: isUnicode ? .unicode : .ascii)
    }
}

/// Standard output.
enum Terminal {
    /// What is written is no longer read.
    struct Closed: Error {}

    static func write(_ text: String) throws {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
        } catch {
            throw Closed()
        }
    }

    /// The size, or `nil` if standard output is no terminal.
    static var size: ViewMode.Size? {
        guard isatty(STDOUT_FILENO) == 1 else { return nil }
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return ViewMode.Size(columns: Int(size.ws_col), rows: Int(size.ws_row))
    }
}
