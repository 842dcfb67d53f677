package Appt::Catalog;

# What the catalog has of an extension, object by object, so that an updated extension can be compared with a new one.
#
#   my $objects = Appt::Catalog::objects($node, 'database');         # of appt; or ($node, 'database', 'appt_router')
#   $objects->{'column title of table appt.appointment'}             # its definition, owner, privileges and comment, a line
#
# Oids and the order of a table's columns do not count; nor does who has installed it, who is named OWNER.

use strict;
use warnings;

# The objects that the extension has itself: members.
my $members = <<'SQL';
WITH member AS MATERIALIZED (
	SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	WHERE d.deptype = 'e' AND e.extname = :'extension'
),
SQL

# Those and what belongs to them: class, oid, number within, definition, owner, privileges.
my $parts = <<'SQL';
part (classid, objid, objsubid, definition, owner, privileges) AS (
	SELECT m.classid, oid, 0, concat_ws(' ', relkind, relpersistence, 'RLS ' || relrowsecurity || relforcerowsecurity,
			'identity ' || relreplident::text, 'options ' || reloptions::text, pg_get_viewdef(oid)),
		relowner, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, relowner))
	FROM member m JOIN pg_class ON m.classid = 'pg_class'::regclass AND oid = m.objid
	UNION ALL
	SELECT m.classid, attrelid, attnum, concat_ws(' ', format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'NOT NULL' END,
			'DEFAULT ' || pg_get_expr(adbin, adrelid), 'identity ' || nullif(attidentity, '')::text, 'generated ' || nullif(attgenerated, '')::text,
			'storage ' || attstorage::text, 'compression ' || nullif(attcompression, '')::text, 'options ' || (SELECT string_agg(o, ' ' ORDER BY o) FROM unnest(attoptions) o WHERE o LIKE 'n_distinct%'),
			'collation ' || (SELECT collname FROM pg_collation l WHERE l.oid = attcollation)),
		NULL, attacl
	FROM member m JOIN pg_attribute ON m.classid = 'pg_class'::regclass AND attrelid = m.objid AND attnum > 0 AND NOT attisdropped
		LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	UNION ALL
	SELECT 'pg_sequence'::regclass, seqrelid, 0, concat_ws(' ', seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle),
		NULL, NULL
	FROM member m JOIN pg_sequence ON m.classid = 'pg_class'::regclass AND seqrelid = m.objid
	UNION ALL
	SELECT 'pg_class'::regclass, indexrelid, 0, pg_get_indexdef(indexrelid), NULL, NULL
	FROM member m JOIN pg_index ON m.classid = 'pg_class'::regclass AND indrelid = m.objid
	UNION ALL
	SELECT 'pg_constraint'::regclass, oid, 0, concat_ws(' ', pg_get_constraintdef(oid), convalidated), NULL, NULL
	FROM member m JOIN pg_constraint ON (m.classid = 'pg_class'::regclass AND conrelid = m.objid)
		OR (m.classid = 'pg_type'::regclass AND contypid = m.objid)
	UNION ALL
	SELECT 'pg_trigger'::regclass, oid, 0, concat_ws(' ', pg_get_triggerdef(oid), tgenabled), NULL, NULL
	FROM member m JOIN pg_trigger ON m.classid = 'pg_class'::regclass AND tgrelid = m.objid AND NOT tgisinternal
	UNION ALL
	SELECT 'pg_policy'::regclass, oid, 0, concat_ws(' ', polcmd, polpermissive,
			'TO ' || (SELECT string_agg(r::regrole::text, ',' ORDER BY r::regrole::text) FROM unnest(polroles) r),
			'USING ' || pg_get_expr(polqual, polrelid), 'CHECK ' || pg_get_expr(polwithcheck, polrelid)), NULL, NULL
	FROM member m JOIN pg_policy ON m.classid = 'pg_class'::regclass AND polrelid = m.objid
	UNION ALL
	SELECT m.classid, oid, 0, pg_get_functiondef(oid), proowner, coalesce(proacl, acldefault('f', proowner))
	FROM member m JOIN pg_proc ON m.classid = 'pg_proc'::regclass AND oid = m.objid
	UNION ALL
	SELECT m.classid, oid, 0, concat_ws(' ', typtype, format_type(nullif(typbasetype, 0), typtypmod), CASE WHEN typnotnull THEN 'NOT NULL' END,
			'DEFAULT ' || typdefault, (SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
				FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE attrelid = typrelid AND relkind = 'c' AND NOT attisdropped)),
		typowner, coalesce(typacl, acldefault('T', typowner))
	FROM member m JOIN pg_type ON m.classid = 'pg_type'::regclass AND oid = m.objid
	UNION ALL
	SELECT m.classid, oid, 0, '', nspowner, coalesce(nspacl, acldefault('n', nspowner))
	FROM member m JOIN pg_namespace ON m.classid = 'pg_namespace'::regclass AND oid = m.objid
	UNION ALL
	SELECT m.classid, oid, 0, pg_get_statisticsobjdef(oid), stxowner, NULL
	FROM member m JOIN pg_statistic_ext ON m.classid = 'pg_statistic_ext'::regclass AND oid = m.objid
	UNION ALL
	SELECT m.classid, m.objid, 0, 'of another class', NULL, NULL
	FROM member m WHERE m.classid NOT IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass, 'pg_namespace'::regclass,
		'pg_statistic_ext'::regclass)
)
SQL

my $lines = <<'SQL';
SELECT CASE classid WHEN 'pg_sequence'::regclass THEN 'parameters of ' ELSE '' END
	|| pg_describe_object(CASE classid WHEN 'pg_sequence'::regclass THEN 'pg_class'::regclass ELSE classid END, objid, objsubid),
	replace(concat_ws(' | ', definition,
		'owner ' || (CASE WHEN owner = extowner THEN 'OWNER' ELSE owner::regrole::text END),
		'privileges ' || (SELECT string_agg(concat_ws(' ', CASE grantee WHEN 0 THEN 'PUBLIC' WHEN extowner THEN 'OWNER' ELSE grantee::regrole::text END,
				privilege_type, is_grantable), ', ' ORDER BY grantee::regrole::text, privilege_type) FROM aclexplode(privileges)),
		'comment ' || (SELECT description FROM pg_description s WHERE s.objoid = p.objid AND s.classoid = p.classid
			AND s.objsubid = p.objsubid)), E'\n', ' ')
FROM part p, pg_extension WHERE extname = :'extension'
UNION ALL
SELECT 'dump of ' || o::regclass::text, extcondition[i]
FROM pg_extension, unnest(extconfig) WITH ORDINALITY u (o, i) WHERE extname = :'extension'
UNION ALL
SELECT 'extension ' || extname, concat_ws(' ', extversion, extrelocatable, obj_description(oid, 'pg_extension'))
FROM pg_extension WHERE extname = :'extension'
ORDER BY 1
SQL

sub objects
{
	my ($node, $database, $extension) = @_;
	my %objects;

	$extension //= 'appt';
	my $query = $members . $parts . $lines;
	$query =~ s/:'extension'/'$extension'/g;
	foreach my $line (split /\n/, $node->query($query, $database))
	{
		my ($name, $definition) = split /\|/, $line, 2;

		$objects{$name} = $definition;
	}
	return \%objects;
}

# How two extensions differ: a line for each object that only one has, or that is another one there. Empty: they do not.
sub differences
{
	my ($one, $other) = @_;
	my %names = (%$one, %$other);

	return map {
		!exists $one->{$_} ? "only the second has $_"
			: !exists $other->{$_} ? "only the first has $_"
			: $one->{$_} ne $other->{$_} ? "$_:\n  $one->{$_}\n  $other->{$_}"
			: ()
	} sort keys %names;
}

1;
