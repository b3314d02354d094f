/* The rules of an order, each broken alone, and what is just within them. The bodies are judged
 * only; tests/contract holds the schema of the contract against the same bodies and verdicts. */
#include <stdlib.h>
#include <string.h>

#include "service_rig.h"

#define BEGIN "{'account_id':'ACC','client_order_id':'1','symbol':'EUR/USD','side':'buy',"
#define MARKET BEGIN "'type':'market','quantity':'1'"
#define LIMIT BEGIN "'type':'limit','quantity':'1'"

/* clang-format off */
static const struct {
    const char *body, *pointer; /* of the one error; NULL: valid */
} cases[] = {
    { MARKET "}", NULL },
    { MARKET ",'limit_price':null,'stop_price':null,'time_in_force':null,'metadata':null,'sent_at':null,'max_age_ms':null}", NULL },
    { MARKET ",'time_in_force':'fok','metadata':{'a':{'b':[]}}}", NULL },
    { LIMIT ",'limit_price':0.5}", NULL },
    { BEGIN "'type':'stop','quantity':'0.000000000000000001','stop_price':'999999999999999999'}", NULL },
    { BEGIN "'type':'stop_limit','quantity':1,'stop_price':'1.0','limit_price':'2'}", NULL },
    { MARKET ",'metadata':{'id':18446744073709551615,'n':[-9223372036854775809]}}", NULL },
    { MARKET ",'sent_at':'2026-01-31T12:00:00+00:00','max_age_ms':1000}", NULL },
    { MARKET ",'sent_at':'2026-01-31T12:00:00.5-00:00','max_age_ms':1000}", NULL },
    { MARKET ",'sent_at':'2026-01-31t12:00:00z','max_age_ms':1000}", NULL },

    { "{'client_order_id':'1','symbol':'X','side':'buy','type':'market','quantity':'1'}", "/account_id" },
    { "{'account_id':'','client_order_id':'1','symbol':'X','side':'buy','type':'market','quantity':'1'}", "/account_id" },
    { "{'account_id':'A B','client_order_id':'1','symbol':'X','side':'buy','type':'market','quantity':'1'}", "/account_id" },
    { "{'account_id':null,'client_order_id':'1','symbol':'X','side':'buy','type':'market','quantity':'1'}", "/account_id" },
    { "{'account_id':'A','client_order_id':1,'symbol':'X','side':'buy','type':'market','quantity':'1'}", "/client_order_id" },
    { "{'account_id':'A','client_order_id':'1','side':'buy','type':'market','quantity':'1'}", "/symbol" },
    { "{'account_id':'A','client_order_id':'1','symbol':'eur','side':'buy','type':'market','quantity':'1'}", "/symbol" },
    { "{'account_id':'A','client_order_id':'1','symbol':'X','type':'market','quantity':'1'}", "/side" },
    { "{'account_id':'A','client_order_id':'1','symbol':'X','side':'hold','type':'market','quantity':'1'}", "/side" },
    { BEGIN "'quantity':'1'}", "/type" },
    { BEGIN "'type':'iceberg','quantity':'1'}", "/type" },
    { BEGIN "'type':'market'}", "/quantity" },
    { BEGIN "'type':'market','quantity':'0'}", "/quantity" },
    { BEGIN "'type':'market','quantity':-1}", "/quantity" },
    { BEGIN "'type':'market','quantity':'1e2'}", "/quantity" },
    { BEGIN "'type':'market','quantity':'1234567890123456789'}", "/quantity" },
    { BEGIN "'type':'market','quantity':18446744073709551616}", "/quantity" },
    { BEGIN "'type':'market','quantity':'.5'}", "/quantity" },
    { BEGIN "'type':'market','quantity':true}", "/quantity" },
    { MARKET ",'limit_price':'1'}", "/limit_price" },
    { MARKET ",'stop_price':'1'}", "/stop_price" },
    { LIMIT "}", "/limit_price" },
    { LIMIT ",'limit_price':null}", "/limit_price" },
    { LIMIT ",'limit_price':'1','stop_price':'1'}", "/stop_price" },
    { BEGIN "'type':'stop','quantity':'1'}", "/stop_price" },
    { BEGIN "'type':'stop_limit','quantity':'1','stop_price':'1'}", "/limit_price" },
    { MARKET ",'time_in_force':'forever'}", "/time_in_force" },
    { MARKET ",'sent_at':'2026-01-31T12:00:00Z'}", "/max_age_ms" },
    { MARKET ",'max_age_ms':1000}", "/sent_at" },
    { MARKET ",'sent_at':'2026-01-31 12:00:00Z','max_age_ms':1000}", "/sent_at" },
    { MARKET ",'sent_at':'2026-01-31T12:00:00+01:00','max_age_ms':1000}", "/sent_at" },
    { MARKET ",'sent_at':'2026-01-31T12:00:00Z','max_age_ms':18446744073709551616}", "/max_age_ms" },
    { MARKET ",'sent_at':'2026-01-31T12:00:00Z','max_age_ms':0}", "/max_age_ms" },
    { MARKET ",'sent_at':'2026-01-31T12:00:00Z','max_age_ms':60001}", "/max_age_ms" },
    { MARKET ",'sent_at':'2026-01-31T12:00:00Z','max_age_ms':'1000'}", "/max_age_ms" },
    { MARKET ",'metadata':[]}", "/metadata" },
    { MARKET ",'price':'1'}", "/price" },
    { "[]", "" },
};
/* clang-format on */

Test(rules, each_is_kept, .timeout = TEST_S)
{
    static const char *const headers[] = { "Content-Type: application/json", NULL };
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer answer =
            rig_ask(&rig, "POST", "/v1/orders?validate_only=true", headers, cases[i].body);
        json_t *errors = json_object_get(answer.json, "errors");
        if (cases[i].pointer == NULL) {
            cr_expect_eq(answer.status, 200, "%s: %s", cases[i].body, answer.reply.body);
        } else {
            expect_problem(&answer, 422, "invalid_order", "not_accepted");
            cr_expect_eq(json_array_size(errors), 1, "%s: %s", cases[i].body, answer.reply.body);
            const char *pointer =
                json_string_value(json_object_get(json_array_get(errors, 0), "pointer"));
            cr_expect_str_eq(pointer != NULL ? pointer : "none", cases[i].pointer, "%s: %s",
                             cases[i].body, answer.reply.body);
        }
        answer_fini(&answer);
    }
    rig_close(&rig);
}
