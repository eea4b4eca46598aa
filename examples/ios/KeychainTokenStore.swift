// Tokens in the Keychain of iOS 16, macOS 13 and later.
// NOT COMPILED by this project, which has no Swift compiler. Written for Swift 5.9 (Xcode 15).
import Foundation
import Security

struct KeychainTokenStore: TokenStore {
    var service = "session"
    /// Shares the tokens with the extensions of the app: an access group of both targets.
    var accessGroup: String?

    func load() throws -> Tokens? {
        var found: CFTypeRef?
        let query = item("tokens", [kSecReturnData: true, kSecMatchLimit: kSecMatchLimitOne])
        var status = SecItemCopyMatching(query, &found)
        if status == errSecItemNotFound {
            try proveUnlocked()
            status = SecItemCopyMatching(query, &found)
            if status == errSecItemNotFound { return nil }
        }
        try check(status)
        guard let data = found as? Data else { throw KeychainError(status: errSecDecode) }
        return try JSONDecoder().decode(Tokens.self, from: data)
    }

    func save(_ tokens: Tokens) throws {
        let data = try JSONEncoder().encode(tokens)
        // Never deletes the item to add it anew: a crash in between would lose the session.
        let status = SecItemUpdate(item("tokens"), [kSecValueData: data] as CFDictionary)
        if status == errSecItemNotFound { try add("tokens", data) } else { try check(status) }
    }

    func clear() throws {
        let status = SecItemDelete(item("tokens"))
        if status != errSecItemNotFound { try check(status) }
    }

    /// iOS may start an app before the first unlock after a reboot. The Keychain then says "not found" of an item that is
    /// there, or fails to read it. Only a write tells: it throws errSecInteractionNotAllowed.
    private func proveUnlocked() throws {
        SecItemDelete(item("probe"))
        try add("probe", Data([0]))
        SecItemDelete(item("probe"))
    }

    private func add(_ account: String, _ data: Data) throws {
        // After the first unlock, so that background work can refresh. Of this device alone, so that no backup holds a copy.
        let more: [CFString: Any] = [
            kSecValueData: data,
            kSecAttrAccessible: kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly,
        ]
        try check(SecItemAdd(item(account, more), nil))
    }

    private func item(_ account: String, _ more: [CFString: Any] = [:]) -> CFDictionary {
        var item: [CFString: Any] = [
            kSecClass: kSecClassGenericPassword,
            kSecAttrService: service,
            kSecAttrAccount: account,
            kSecUseDataProtectionKeychain: true,
        ]
        if let accessGroup { item[kSecAttrAccessGroup] = accessGroup }
        return item.merging(more) { $1 } as CFDictionary
    }

    private func check(_ status: OSStatus) throws {
        if status != errSecSuccess { throw KeychainError(status: status) }
    }
}

struct KeychainError: Error {
    let status: OSStatus
}
