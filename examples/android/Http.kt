// HTTP by the class that every JVM and Android has. With OkHttp, pass the client a function of your own.
// Kotlin 1.3 or later.
package session

import org.json.JSONException
import org.json.JSONObject
import java.net.HttpURLConnection
import java.net.URL
import java.util.TreeMap

/** @property headers by name, in any case */
class Answer(val status: Int, val headers: Map<String, String>, val body: ByteArray) {
    /** Seconds. */
    val retryAfter: Long? get() = headers["retry-after"]?.toLongOrNull()?.takeIf { it >= 0 }

    /** The body as a JSON object; null if it is something else. */
    val json: JSONObject?
        get() = try { JSONObject(String(body)) } catch (e: JSONException) { null }
}

/** Sends a request, and throws an IOException if there is no answer within the time, in milliseconds. It follows no redirect. */
typealias Send = (method: String, url: String, headers: Map<String, String>, body: ByteArray?, timeout: Int) -> Answer

/** The timeout counts anew with each byte that arrives. */
fun sendByUrlConnection(method: String, url: String, headers: Map<String, String>, body: ByteArray?, timeout: Int): Answer {
    val connection = URL(url).openConnection() as HttpURLConnection
    connection.requestMethod = method
    connection.connectTimeout = timeout
    connection.readTimeout = timeout
    connection.useCaches = false
    // A redirect to another host must not take the token along.
    connection.instanceFollowRedirects = false
    for ((name, value) in headers) connection.setRequestProperty(name, value)
    if (body != null) {
        connection.doOutput = true
        connection.outputStream.use { it.write(body) }
    }
    val status = connection.responseCode
    val stream = if (status < 400) connection.inputStream else connection.errorStream
    val received = TreeMap<String, String>(String.CASE_INSENSITIVE_ORDER)
    for (name in connection.headerFields.keys.filterNotNull()) received[name] = connection.getHeaderField(name)
    return Answer(status, received, stream?.use { it.readBytes() } ?: ByteArray(0))
}
