import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Posts orders to ordersd until each of them is stored or refused. README.md beside this file has the rules.
 *
 * <pre>java -cp /usr/share/java/gson.jar PostOrders.java BASE_URL ACCOUNT ORDERS BATCH [SECONDS]</pre>
 *
 * Prints the client_order_id of each stored order. Needs Java 17, and Gson, since Java itself reads no JSON.
 */
public class PostOrders {
    static final long REQUEST_S = 15; // longer than ORDERS_COMMIT_TIMEOUT of the service, which is 10 s by default
    static final long PAUSE_MS = 100, PAUSE_MAX_MS = 5_000;

    /** Status 0: no whole answer came. The document is empty if the body is not a JSON object. */
    record Answer(int status, long waitMs, JsonObject document) {}

    /** What an answer says of one order. unknown: this attempt may have stored it. */
    record Verdict(boolean stored, boolean repeat, boolean unknown, String code, long waitMs, String why) {}

    record Pending(JsonObject order, Verdict verdict) {}

    final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
        .connectTimeout(Duration.ofSeconds(REQUEST_S)).build();
    final Set<String> inDoubt = new HashSet<>(); // ids that were sent once without a definite answer
    final String base;
    int exitCode = 0;

    PostOrders(String base) {
        this.base = base.replaceAll("/+$", "");
    }

    /** The ids are made here, once. A real program saves an order with its id before the first attempt. */
    static List<JsonObject> makeOrders(String account, int count) {
        String run = UUID.randomUUID().toString();
        List<JsonObject> orders = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            JsonObject order = new JsonObject();
            order.addProperty("account_id", account);
            order.addProperty("client_order_id", run + "-" + n);
            order.addProperty("symbol", "ACME");
            order.addProperty("side", "buy");
            order.addProperty("type", "limit");
            order.addProperty("quantity", "0.100000000000000005"); // a string, because a double would be 0.1
            order.addProperty("limit_price", new BigDecimal("12.50").add(BigDecimal.valueOf(n, 2)).toPlainString());
            orders.add(order);
        }
        return orders;
    }

    Answer post(String path, JsonElement document) throws InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(document.toString()));
        String key = System.getenv("ORDERSD_KEY");
        if (key != null && !key.isEmpty())
            request.header("Authorization", "Bearer " + key);
        try {
            HttpResponse<String> answer = client.sendAsync(request.build(), HttpResponse.BodyHandlers.ofString())
                .get(REQUEST_S, TimeUnit.SECONDS);
            String seconds = answer.headers().firstValue("Retry-After").orElse("");
            long waitMs = seconds.matches("\\d{1,6}") ? 1000 * Long.parseLong(seconds) : 0;
            return new Answer(answer.statusCode(), waitMs, parse(answer.body()));
        } catch (ExecutionException | TimeoutException noAnswer) {
            return new Answer(0, 0, new JsonObject());
        }
    }

    static JsonObject parse(String body) {
        try {
            JsonElement document = JsonParser.parseString(body);
            return document.isJsonObject() ? document.getAsJsonObject() : new JsonObject();
        } catch (JsonParseException page) { // of a balancer, for example
            return new JsonObject();
        }
    }

    /** The defaults are for answers that are not of ordersd, as those of a balancer, and for no answer. */
    static Verdict verdictOf(int status, JsonObject problem) {
        boolean stored = status == 200 || status == 201;
        boolean repeat = Set.of(0, 207, 408, 429).contains(status) || status >= 500;
        boolean unknown = status < 400 || status >= 500;
        if (problem.has("retryable"))
            repeat = problem.get("retryable").getAsBoolean();
        if (problem.has("outcome"))
            unknown = problem.get("outcome").getAsString().equals("unknown");
        String code = problem.has("code") ? problem.get("code").getAsString() : "";
        long waitMs = problem.has("retry_after_ms") ? problem.get("retry_after_ms").getAsLong() : 0;
        String why = status == 0 ? "no answer" : (status + " " + code).strip();
        return new Verdict(stored, repeat, unknown, code, waitMs, why);
    }

    /** The orders of a batch have results of their own, unless the whole request was refused. */
    static List<Verdict> verdictsOf(Answer answer, int count) {
        List<Verdict> verdicts = new ArrayList<>();
        for (int i = 0; i < count; i++)
            verdicts.add(verdictOf(answer.status(), answer.document()));
        if (answer.document().has("results"))
            for (JsonElement element : answer.document().getAsJsonArray("results")) {
                JsonObject result = element.getAsJsonObject();
                JsonObject error = result.has("error") ? result.getAsJsonObject("error") : new JsonObject();
                verdicts.set(result.get("index").getAsInt(), verdictOf(result.get("status").getAsInt(), error));
            }
        return verdicts;
    }

    void giveUp(Pending pending) {
        String id = pending.order().get("client_order_id").getAsString();
        System.err.println((inDoubt.contains(id) ? "unknown " : "not stored ") + id + ": " + pending.verdict().why());
        exitCode = 1;
    }

    /** Prints the orders that are stored, gives up those that are refused, and returns those that are to be repeated. */
    List<Pending> sort(List<JsonObject> orders, List<Verdict> verdicts) {
        List<Pending> repeat = new ArrayList<>();
        for (int i = 0; i < orders.size(); i++) {
            Pending pending = new Pending(orders.get(i), verdicts.get(i));
            String id = pending.order().get("client_order_id").getAsString();
            if (pending.verdict().stored()) {
                System.out.println(id);
                continue;
            }
            if (pending.verdict().unknown())
                inDoubt.add(id);
            if (pending.verdict().code().equals("client_order_id_reused"))
                inDoubt.remove(id); // another order has this id, so this one is not stored
            if (pending.verdict().repeat())
                repeat.add(pending);
            else
                giveUp(pending);
        }
        return repeat;
    }

    /** Repeats the orders until none is left. Returns false if some are left after that many seconds. */
    boolean send(List<JsonObject> orders, boolean single, long seconds) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        for (long pauseMs = PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS)) {
            JsonArray batch = new JsonArray();
            orders.forEach(batch::add);
            Answer answer = single ? post("/v1/orders", orders.get(0)) : post("/v1/orders/batch", batch);
            List<Pending> repeat = sort(orders, verdictsOf(answer, orders.size()));
            if (repeat.isEmpty())
                return true;
            long waitMs = answer.waitMs();
            for (Pending pending : repeat)
                waitMs = Math.max(waitMs, pending.verdict().waitMs());
            waitMs += ThreadLocalRandom.current().nextLong(pauseMs);
            if (System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(waitMs) - deadline > 0) {
                repeat.forEach(this::giveUp);
                return false;
            }
            System.err.printf("again: %d orders in %d.%03d s: %s%n", repeat.size(), waitMs / 1000, waitMs % 1000,
                repeat.get(0).verdict().why());
            Thread.sleep(waitMs);
            orders = repeat.stream().map(Pending::order).toList();
        }
    }

    public static void main(String[] args) throws InterruptedException {
        if (args.length < 4 || args.length > 5) {
            System.err.println("usage: PostOrders BASE_URL ACCOUNT ORDERS BATCH [SECONDS]");
            System.exit(2);
        }
        PostOrders sender = new PostOrders(args[0]);
        int count = Integer.parseInt(args[2]), batch = Integer.parseInt(args[3]);
        long seconds = args.length == 5 ? Long.parseLong(args[4]) : 60;
        List<JsonObject> orders = makeOrders(args[1], count);
        boolean inTime = true;
        for (int i = 0; i < count && inTime; i += batch)
            inTime = sender.send(orders.subList(i, Math.min(i + batch, count)), batch == 1, seconds);
        System.exit(sender.exitCode);
    }
}
