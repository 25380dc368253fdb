/*
 * sql_url.c - tests of reading a query string: every form of the dialect's grammar, and what is no form of it.
 */
#include "sql_show.h"
#include "tap.h"

struct reading {
    const char *query;
    const char *shown;
};

static const struct reading good[] = {
    {"", ""},
    {"id=eq.1", " where <id> eq <1>"},
    {"ignored&id=eq.1&", " where <id> eq <1>"},
    {"id=not.eq.1&id=gt.2", " where not <id> eq <1> <id> gt <2>"},
    {"id=neq.1&id=gte.2&id=lt.3&id=lte.4", " where <id> neq <1> <id> gte <2> <id> lt <3> <id> lte <4>"},
    {"name=eq.", " where <name> eq <>"},
    {"name=eq.a,b\"c", " where <name> eq <a,b\"c>"},
    {"name=eq.%22x%22", " where <name> eq <\"x\">"},
    {"name=like.*a+b%25", " where <name> like <*a b%>"},
    {"name=ilike(any).{a*,\"b,c\"}", " where <name> ilike(any) (<a*><b,c>)"},
    {"id=eq(all).{}", " where <id> eq(all) ()"},
    {"id=gt(any).{ 1 , 2 }", " where <id> gt(any) (<1><2>)"},
    {"name=match.^a&name=imatch.b$", " where <name> match <^a> <name> imatch <b$>"},
    {"a=isdistinct.b", " where <a> isdistinct <b>"},
    {"id=in.(1,2,3)", " where <id> in (<1><2><3>)"},
    {"id=in.()", " where <id> in ()"},
    {"id=not.in.(1)", " where not <id> in (<1>)"},
    {"n=in.(\"a,b\",\"c\\\"d\",\"\\\\\")", " where <n> in (<a,b><c\"d><\\>)"},
    {"n=in.(\"a\"b,c)", " where <n> in (<\"a\"b><c>)"},
    {"n=in.(,a)", " where <n> in (<><a>)"},
    {"n=in.(a)ignored", " where <n> in (<a>)"},
    {"d=is.null&d=is.NOT_NULL&d=not.is.true&d=is.fAlse&d=is.unknown",
     " where <d> is null <d> is not_null not <d> is true <d> is false <d> is unknown"},
    {"t=fts(english).a%20b&t=plfts.c&t=phfts.d&t=wfts.e",
     " where <t> fts <english><a b> <t> plfts <c> <t> phfts <d> <t> wfts <e>"},
    {"a=cs.{1}&a=cd.{2}&a=ov.{3}", " where <a> cs <{1}> <a> cd <{2}> <a> ov <{3}>"},
    {"a=sl.1&a=sr.1&a=nxr.1&a=nxl.1&a=adj.1",
     " where <a> sl <1> <a> sr <1> <a> nxr <1> <a> nxl <1> <a> adj <1>"},
    /* names */
    {"field-with_sep=eq.1", " where <field-with_sep> eq <1>"},
    {"Just+A+Model=eq.1", " where <Just A Model> eq <1>"},
    {"a$num$=eq.1", " where <a$num$> eq <1>"},
    {"%22a.dotted.column%22=eq.1", " where <a.dotted.column> eq <1>"},
    {"%22with%5C%22quote%22=eq.1", " where <with\"quote> eq <1>"},
    {"%C3%A4=eq.%C3%A4", " where <\xC3\xA4> eq <\xC3\xA4>"},
    {"q[0]=ilike.*a*&q[1]=ilike.*b*", " where <q> ilike <*a*> <q> ilike <*b*>"},
    /* paths */
    {"data-%3E%3Ek=eq.x", " where <data>->><k> eq <x>"},
    {"data->a->0=gt.1", " where <data>-><a>->0 gt <1>"},
    {"data->-1->>b-c=eq.x", " where <data>->-1->><b-c> eq <x>"},
    {"data->%22a.b%22=eq.x", " where <data>-><a.b> eq <x>"},
    {"data->1a=eq.x", " where <data>-><1a> eq <x>"},
    /* trees */
    {"or=(a.eq.1,b.eq.2)", " where or( <a> eq <1> <b> eq <2> )"},
    {"not.or=(a.eq.1)", " where not or( <a> eq <1> )"},
    {"and=(a.eq.1,or(b.eq.2,not.and(c.is.null,d.in.(1,2))))",
     " where and( <a> eq <1> or( <b> eq <2> not and( <c> is null <d> in (<1><2>) ) ) )"},
    {"and=(a.not.eq.1)", " where and( not <a> eq <1> )"},
    {"and=(id.eq.1,id.neq.2))", " where and( <id> eq <1> <id> neq <2> )"},
    {"and=(+and+(+id.in.(+1,+2+)+,+id.eq.3+)+)", " where and( and( <id> in (< 1>< 2 >) <id> eq <3 > ) )"},
    {"or=(name.eq.\"(a,b)\",arr.cs.{1,2})", " where or( <name> eq <(a,b)> <arr> cs <{1,2}> )"},
    {"or=(or_starting_col.eq.a,and_starting_col.eq.b)",
     " where or( <or_starting_col> eq <a> <and_starting_col> eq <b> )"},
    {"or=(id.eq(any).{1,2},x->>y.like.*z)", " where or( <id> eq(any) (<1><2>) <x>->><y> like <*z> )"},
    /* select */
    {"select=", ""},
    {"select=*", " select *"},
    {"select=a,b,*", " select <a> <b> *"},
    {"select=+a+,+b+", " select <a> <b>"},
    {"select=x:a,y:b::text", " select <x>:<a> <y>:<b>::<text>"},
    {"select=a&select=b", " select <a>"},
    {"select=data->a->>0::int,z:data->b", " select <data>-><a>->>0::<int> <z>:<data>-><b>"},
    {"select=count()", " select <>.count"},
    {"select=n:count()::text,count", " select <n>:<>.count::<text> <count>"},
    {"select=total:amount.sum()::int,amount::float8.avg()",
     " select <total>:<amount>.sum::<int> <amount>::<float8>.avg"},
    {"select=id,clients(*,a:x(id))", " select <id> <clients>{ * <a>:<x>{ <id> } }"},
    {"select=c:clients!fk!inner(id),d!left(),e!inner!h(x)",
     " select <c>:<clients>!inner!<fk>{ <id> } <d>!left{ } <e>!inner!<h>{ <x> }"},
    {"select=...rel!inner(a,b),c", " select ...<rel>!inner{ <a> <b> } <c>"},
    {"select=\"a,b\",\"c d\":e", " select <a,b> <c d>:<e>"},
    /* order, limit, offset and levels */
    {"order=a", " order <a>+"},
    {"order=a.desc,b.asc.nullsfirst,c.nullslast", " order <a>- <b>+f <c>+l"},
    {"order=data->>k.desc", " order <data>->><k>-"},
    {"order=rel(name).desc.nullslast,id", " order <rel><name>-l <id>+"},
    {"limit=10&offset=20", " limit 10 offset 20"},
    {"limit=0", " limit 0"},
    {"limit=x&offset=-1&offset=y", ""},
    {"rel.id=eq.1&rel.order=id&rel.limit=2&rel.offset=1",
     " | at (<rel>) where <id> eq <1> order <id>+ limit 2 offset 1"},
    {"a.b.c=eq.1&a.b.or=(x.is.null)", " | at (<a><b>) where <c> eq <1> or( <x> is null )"},
    {"rel.not.and=(x.eq.1)", " | at (<rel>) where not and( <x> eq <1> )"},
    {"columns=a,\"b c\",d&columns=e", " columns (<a><b c><d>)"},
    {"on_conflict=a,b", " on_conflict (<a><b>)"},
};

struct refusal {
    const char *query;
    int status;
    const char *code;
};

static const struct refusal bad[] = {
    {"id=noop.0", 400, "PGRST100"},
    {"id=0", 400, "PGRST100"},
    {"id=", 400, "PGRST100"},
    {"id=eq", 400, "PGRST100"},
    {"id=eq(some).1", 400, "PGRST100"},
    {"id=neq(any).{1}", 400, "PGRST100"},
    {"id=in.1", 400, "PGRST100"},
    {"id=in.(1", 400, "PGRST100"},
    {"id=is.nil", 400, "PGRST100"},
    {"id=not.not.eq.1", 400, "PGRST100"},
    {"(x)=eq.1", 400, "PGRST100"},
    {"=eq.1", 400, "PGRST100"},
    {"%22open=eq.1", 400, "PGRST100"},
    {"id=eq(any).1", 400, "22P02"},
    {"id=eq(any).{1,}", 400, "22P02"},
    {"or=()", 400, "PGRST100"},
    {"or=(a)", 400, "PGRST100"},
    {"or=(a.eq.1", 400, "PGRST100"},
    {"or=a.eq.1", 400, "PGRST100"},
    {"select=a,,b", 400, "PGRST100"},
    {"select=a(", 400, "PGRST100"},
    {"select=a)", 400, "PGRST100"},
    {"select=a.median()", 400, "PGRST100"},
    {"select=a!x!y!z(b)", 400, "PGRST100"},
    {"select=...a", 400, "PGRST100"},
    {"order=", 400, "PGRST100"},
    {"order=a.up", 400, "PGRST100"},
    {"order=a,,b", 400, "PGRST100"},
    {"columns=", 400, "PGRST100"},
    {"limit=-1", 416, "PGRST103"},
    {"id=eq.%00", 400, ""},
    {"id=eq.%zz", 400, ""},
    {"id=eq.%c0%80", 400, ""},
};

static void check_good(struct tv_arena *arena, struct tv_buffer *shown)
{
    for (size_t i = 0; i < TV_COUNT(good); i++) {
        struct sql_query query;
        struct tv_error error = {.status = 0};
        tv_arena_reset(arena);
        tv_buffer_reset(shown, 65536);
        if (ok(sql_read_url(arena, tv_slice_of(good[i].query), &query, &error), "reads \"%s\"",
               good[i].query)) {
            show_query(shown, &query);
            is_slice(shown->data ? shown->data : "", shown->length, good[i].shown, good[i].query);
        } else {
            note("%s: %s", error.message, error.details);
        }
    }
}

static void check_bad(struct tv_arena *arena)
{
    for (size_t i = 0; i < TV_COUNT(bad); i++) {
        struct sql_query query;
        struct tv_error error = {.status = 0};
        tv_arena_reset(arena);
        bool refused = !sql_read_url(arena, tv_slice_of(bad[i].query), &query, &error);
        ok(refused && error.status == bad[i].status && strcmp(error.code, bad[i].code) == 0 &&
               error.message[0],
           "refuses \"%s\": %d %s %s (%s)", bad[i].query, error.status, error.code, error.message,
           error.details);
    }
}

/* What nobody writes by hand: the parser must end, and within its bounds. */
static void check_extremes(struct tv_arena *arena)
{
    struct sql_query query;
    struct tv_error error;
    struct tv_buffer text;
    tv_buffer_init(&text, 1 << 20);

    tv_buffer_text(&text, "id=in.(");
    for (int i = 0; i < 20000; i++)
        tv_buffer_text(&text, "1,");
    tv_buffer_text(&text, "2)");
    tv_arena_reset(arena);
    ok(sql_read_url(arena, tv_buffer_view(&text), &query, &error) &&
           query.root.conditions->list_length == 20001,
       "a list of 20001 elements");

    tv_buffer_reset(&text, 0);
    tv_buffer_text(&text, "or=");
    for (int i = 0; i < 1000; i++)
        tv_buffer_text(&text, "(or");
    tv_arena_reset(arena);
    ok(!sql_read_url(arena, tv_buffer_view(&text), &query, &error) && error.status == 400,
       "trees are nested only so deep");

    tv_buffer_reset(&text, 0);
    tv_buffer_text(&text, "select=");
    for (int i = 0; i < 1000; i++)
        tv_buffer_text(&text, "a(");
    tv_arena_reset(arena);
    ok(!sql_read_url(arena, tv_buffer_view(&text), &query, &error) && error.status == 400,
       "embeds are nested only so deep");

    tv_buffer_reset(&text, 0);
    for (int i = 0; i < 2000; i++)
        tv_buffer_text(&text, "a=eq.1&");
    tv_arena_reset(arena);
    ok(!sql_read_url(arena, tv_buffer_view(&text), &query, &error) && error.status == 400,
       "there are only so many parameters");
    tv_buffer_free(&text);
}

int main(void)
{
    struct tv_arena arena;
    struct tv_buffer shown;
    tv_arena_init(&arena, 16 << 20);
    tv_buffer_init(&shown, 1 << 20);
    check_good(&arena, &shown);
    check_bad(&arena);
    check_extremes(&arena);
    tv_buffer_free(&shown);
    tv_arena_free(&arena);
    return done_testing();
}
