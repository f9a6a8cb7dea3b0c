namespace ActorBackup.Nbd.Server;

/// <summary>Which of an export's meta contexts queries mean.</summary>
internal static class MetaContextSelection
{
    /// <summary>For SET: exact names only; what is unknown is ignored, and no context is selected twice. Ids count from 1.</summary>
    public static IReadOnlyList<SelectedContext> Select(IReadOnlyList<IMetaContext> contexts, IReadOnlyList<string> queries) =>
        Pick(contexts, context => queries.Contains(context.Name, StringComparer.Ordinal));

    /// <summary>For LIST: no queries mean everything, and a query that ends in a colon means everything below it.</summary>
    public static IReadOnlyList<SelectedContext> Search(IReadOnlyList<IMetaContext> contexts, IReadOnlyList<string> queries) =>
        Pick(contexts, context => queries.Count == 0 || queries.Any(query => Matches(query, context.Name)));

    private static bool Matches(string query, string name) =>
        query == name || (query.EndsWith(':') && name.StartsWith(query, StringComparison.Ordinal));

    private static List<SelectedContext> Pick(IReadOnlyList<IMetaContext> contexts, Func<IMetaContext, bool> isMeant) =>
        [.. contexts.Where(isMeant).Select((context, i) => new SelectedContext((uint)i + 1, context))];
}
