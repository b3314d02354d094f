/* order_render.c - writes orders, and differences between orders, as JSON for the API. Every
 * accepted order is rendered, so this file avoids printf, which is slow. */
#include "orders/order.h"

#include "base/buf.h"
#include "base/rfc3339.h"

static void add_member(struct buf *out, const char *name, const char *text)
{
    buf_add_str(out, ",\"");
    buf_add_str(out, name);
    buf_add_str(out, "\":");
    buf_add_json(out, text);
}

static void add_member_if_any(struct buf *out, const char *name, const char *text)
{
    if (text[0] != '\0')
        add_member(out, name, text);
}

static void add_content(struct buf *out, const struct order *order)
{
    buf_add_str(out, "\"account_id\":");
    buf_add_json(out, order->account_id);
    add_member(out, "client_order_id", order->client_order_id);
    add_member(out, "symbol", order->symbol);
    add_member(out, "side", order_side_name(order->side));
    add_member(out, "type", order_type_name(order->type));
    add_member(out, "quantity", order->quantity);
    add_member_if_any(out, "limit_price", order->limit_price);
    add_member_if_any(out, "stop_price", order->stop_price);
    add_member(out, "time_in_force", order_tif_name(order->time_in_force));
    if (order->metadata != NULL) {
        buf_add_str(out, ",\"metadata\":");
        buf_add(out, order->metadata, order->metadata_len);
    }
}

static void add_state(struct buf *out, bool replayed)
{
    buf_add_str(out, ",\"status\":\"accepted\",\"replayed\":");
    buf_add_str(out, replayed ? "true}" : "false}");
}

void order_render(struct buf *out, const struct order *order, bool replayed)
{
    char received_at[RFC3339_SIZE];
    if (order->order_id[0] == '\0') {
        buf_add_char(out, '{');
        add_content(out, order);
        buf_add_str(out, ",\"status\":\"valid\"}");
        return;
    }
    buf_add_str(out, "{\"order_id\":");
    buf_add_json(out, order->order_id);
    buf_add_char(out, ',');
    add_content(out, order);
    rfc3339_format_us(order->received_at_us, received_at);
    add_member(out, "received_at", received_at);
    add_member_if_any(out, "submitted_by", order->submitted_by);
    add_state(out, replayed);
}

void order_render_brief(struct buf *out, const struct order *order, bool replayed)
{
    buf_add_str(out, "{\"order_id\":");
    buf_add_json(out, order->order_id);
    add_state(out, replayed);
}

void order_diff_render(struct buf *out, unsigned diff)
{
    static const struct {
        enum order_field_bit bit;
        const char *name;
    } fields[] = {
        { ORDER_DIFF_SYMBOL, "symbol" },
        { ORDER_DIFF_SIDE, "side" },
        { ORDER_DIFF_TYPE, "type" },
        { ORDER_DIFF_QUANTITY, "quantity" },
        { ORDER_DIFF_LIMIT_PRICE, "limit_price" },
        { ORDER_DIFF_STOP_PRICE, "stop_price" },
        { ORDER_DIFF_TIME_IN_FORCE, "time_in_force" },
        { ORDER_DIFF_METADATA, "metadata" },
    };
    const char *before = "";
    buf_add_char(out, '[');
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if ((diff & (unsigned)fields[i].bit) == 0)
            continue;
        buf_add_str(out, before);
        buf_add_json(out, fields[i].name);
        before = ",";
    }
    buf_add_char(out, ']');
}
