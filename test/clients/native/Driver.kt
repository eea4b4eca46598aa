// Carries out the steps of `npx pawl conformance` with the session client of examples/android.
package session

import org.json.JSONArray
import org.json.JSONObject
import java.io.File
import java.io.IOException
import java.util.concurrent.Executors
import java.util.concurrent.Future

private val url = System.getenv("PAWL_CONFORMANCE_URL")
private val threads = Executors.newCachedThreadPool { Thread(it).apply { isDaemon = true } }
private val background = mutableListOf<Future<Int>>()

/** @param args the folder of the tokens, which outlives this process */
fun main(args: Array<String>) {
    // By default this JVM, unlike Android, repeats a POST whose answer is lost.
    System.setProperty("sun.net.http.retryPost", "false")
    val folder = File(args[0])
    val store = FileTokenStore(folder, ::mask, ::mask)
    var client = SessionClient(url, store)
    var step = control(null)
    while (step.getString("do") != "end") {
        var answers = emptyList<Int>()
        when (step.getString("do")) {
            "start" -> {
                store.clear()
                client = SessionClient(url, store)
            }
            // The kit starts it again, as the system starts an app that was killed.
            "restart" -> Runtime.getRuntime().halt(0)
            "sign-in" -> client.signIn("/login", JSONObject().put("user", step.getString("user")).toString().toByteArray())
            "sign-out" -> client.signOut()
            "requests" -> {
                val sent = step.getJSONArray("requests").toList().map { request -> threads.submit<Int> { send(client, request) } }
                if (step.getBoolean("background")) background += sent else answers = sent.map { it.get() }
            }
            "wait" -> {
                answers = background.map { it.get() }
                background.clear()
            }
        }
        val report = JSONObject().put("step", step.getInt("step")).put("answers", JSONArray(answers))
        step = control(report.put("signedIn", client.isSignedIn).put("stored", store.load() != null))
    }
}

private fun send(client: SessionClient, request: JSONObject): Int =
    try {
        val to = request.getString("url")
        val method = request.getString("method")
        val body = request.opt("body")?.toString()?.toByteArray()
        // The client has paths alone. An app calls other servers without it.
        if (to.startsWith("$url/")) client.request(method, to.removePrefix(url), body).status
        else sendByUrlConnection(method, to, emptyMap(), body, 10_000).status
    } catch (e: IOException) {
        0
    }

private fun control(report: JSONObject?): JSONObject =
    sendByUrlConnection(if (report == null) "GET" else "POST", "$url/conformance", emptyMap(), report?.toString()?.toByteArray(), 90_000).json!!

private fun JSONArray.toList(): List<JSONObject> = (0 until length()).map { getJSONObject(it) }

/** In place of a cipher. */
private fun mask(data: ByteArray) = ByteArray(data.size) { (data[it].toInt() xor 0x5A).toByte() }
