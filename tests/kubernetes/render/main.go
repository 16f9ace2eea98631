// Renders a chart as "helm template" does, with Helm's own engine: render CHART [VALUES.yaml]...
//
// Charts that it depends on and that are not there are left out; their values are checked elsewhere.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

func main() {
	if err := render(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func render(folder string, files []string) error {
	loaded, err := loader.Load(folder)
	if err != nil {
		return err
	}
	values := map[string]interface{}{}
	for _, file := range files {
		more, err := chartutil.ReadValuesFile(file)
		if err != nil {
			return err
		}
		values = chartutil.CoalesceTables(more.AsMap(), values)
	}
	if err := chartutil.ProcessDependenciesWithMerge(loaded, values); err != nil {
		return err
	}
	release := chartutil.ReleaseOptions{Name: "mesh", Namespace: "hub", Revision: 1, IsInstall: true}
	whole, err := chartutil.ToRenderValues(loaded, values, release, nil)
	if err != nil {
		return err
	}
	made, err := engine.Engine{Strict: true}.Render(loaded, whole)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(made))
	for name := range made {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if text := strings.TrimSpace(made[name]); text != "" && strings.HasSuffix(name, ".yaml") {
			fmt.Printf("---\n# %s\n%s\n", name, text)
		}
	}
	return nil
}
