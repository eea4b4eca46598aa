// Tokens in a file: written whole or not at all, and guarded by a lock that all processes of the app share.
// Kotlin 1.3 or later; on Android 8.0 (API 26) or later, with the functions of KeystoreCipher.kt.
package session

import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import java.io.RandomAccessFile
import java.nio.channels.FileChannel
import java.nio.file.Files
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardOpenOption.READ

/**
 * One per process.
 * @param folder on Android `context.noBackupFilesDir`: tokens from a backup would look like a thief's
 * @param seal encrypts
 * @param open undoes [seal], or throws an IOException
 */
class FileTokenStore(
    private val folder: File,
    private val seal: (ByteArray) -> ByteArray,
    private val open: (ByteArray) -> ByteArray
) : TokenStore {
    private val file = File(folder, "session")

    override fun load(): Tokens? {
        if (!file.exists()) return null
        val lines = String(open(file.readBytes())).split('\n')
        if (lines.size != 2) throw IOException("The saved tokens are damaged")
        return Tokens(lines[0], lines[1])
    }

    override fun save(tokens: Tokens) {
        val next = File(folder, "session.new")
        FileOutputStream(next).use {
            it.write(seal("${tokens.accessToken}\n${tokens.refreshToken}".toByteArray()))
            it.fd.sync()
        }
        Files.move(next.toPath(), file.toPath(), ATOMIC_MOVE)
        // Without this a crash may bring the previous file back.
        FileChannel.open(folder.toPath(), READ).use { it.force(true) }
    }

    override fun clear() {
        Files.deleteIfExists(file.toPath())
    }

    override fun <T> exclusively(work: () -> T): T = RandomAccessFile(File(folder, "session.lock"), "rw").use {
        // The lock only saves requests. After five seconds the work goes on without it: its holder may be frozen.
        var waits = 100
        var lock = it.channel.tryLock()
        while (lock == null && waits-- > 0) {
            Thread.sleep(50)
            lock = it.channel.tryLock()
        }
        work()
    }
}
